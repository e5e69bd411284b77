// Stands in a bundle for a package that nothing there uses; see `packagesEmpty` in build.mjs.
// @fastify/swagger requires `yaml` for documents in that format. Reach has none; a call of one of
// its functions fails as that of any function that is not there. What is imported of @noble/… is
// called where there is no Node.

module.exports = {};
