/**
 * What sends requests, in a file of its own: it is loaded with the first request. The package
 * itself, loaded so, has no names once it is bundled.
 */
export { Agent, request } from "undici";
