/** Importers: formats of transcripts, how to tell them apart, and their streaming readers. */
export { detectFormat, formatNamed, formats } from "./detect.ts";
export { sniffBytesMax } from "./head-sample.ts";
export type { ImportOptions, ImportReport } from "./import-report.ts";
export { importSource } from "./import-source.ts";
export type {
  FileReader,
  Format,
  ImportProblem,
  ReaderOptions,
  RecordMeta,
  RecordSink,
  ResumePoint,
  SourceReader,
} from "./importer.ts";
export { formatPath, parsePath } from "./json-path.ts";
export {
  type ArrayOutline,
  type DocumentOutline,
  noArrayError,
  outlineDocument,
  outlineText,
} from "./outline.ts";
export { PeekedStream } from "./peeked-stream.ts";
export { fileSource, type Source, streamSource } from "./source.ts";
