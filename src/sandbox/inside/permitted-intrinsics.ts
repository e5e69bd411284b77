/**
 * What is built into a context and stays in it: holders and the names of their members, as Node
 * 20.20.2 has them. Made by tools/intrinsics.mjs. What a newer engine has beyond it is removed,
 * so that a program which looks whether something is there finds the same everywhere.
 */

/** Holders with their members: "@@iterator" is a symbol, "^size" an accessor. */
export const permittedIntrinsics: readonly (readonly [holder: string, members: string])[] = [
  [
    "Object",
    "assign create defineProperties defineProperty entries freeze fromEntries " +
      "getOwnPropertyDescriptor getOwnPropertyDescriptors getOwnPropertyNames " +
      "getOwnPropertySymbols getPrototypeOf hasOwn is isExtensible isFrozen isSealed keys " +
      "length name preventExtensions prototype seal setPrototypeOf values",
  ],
  [
    "Object.prototype",
    "^__proto__ __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ " +
      "constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString " +
      "toString valueOf",
  ],
  ["Function", "length name prototype"],
  [
    "Function.prototype",
    "@@hasInstance ^arguments ^caller apply bind call constructor length name toString",
  ],
  ["Array", "^@@species from isArray length name of prototype"],
  [
    "Array.prototype",
    "@@iterator @@unscopables at concat constructor copyWithin entries every fill filter " +
      "find findIndex findLast findLastIndex flat flatMap forEach includes indexOf join " +
      "keys lastIndexOf length map pop push reduce reduceRight reverse shift slice some " +
      "sort splice toLocaleString toReversed toSorted toSpliced toString unshift values " +
      "with",
  ],
  [
    "Number",
    "EPSILON MAX_SAFE_INTEGER MAX_VALUE MIN_SAFE_INTEGER MIN_VALUE NEGATIVE_INFINITY NaN " +
      "POSITIVE_INFINITY isFinite isInteger isNaN isSafeInteger length name parseFloat " +
      "parseInt prototype",
  ],
  [
    "Number.prototype",
    "constructor toExponential toFixed toLocaleString toPrecision toString valueOf",
  ],
  ["parseFloat", "length name"],
  ["parseInt", "length name"],
  ["Boolean", "length name prototype"],
  ["Boolean.prototype", "constructor toString valueOf"],
  ["String", "fromCharCode fromCodePoint length name prototype raw"],
  [
    "String.prototype",
    "@@iterator anchor at big blink bold charAt charCodeAt codePointAt concat constructor " +
      "endsWith fixed fontcolor fontsize includes indexOf isWellFormed italics lastIndexOf " +
      "length link localeCompare match matchAll normalize padEnd padStart repeat replace " +
      "replaceAll search slice small split startsWith strike sub substr substring sup " +
      "toLocaleLowerCase toLocaleUpperCase toLowerCase toString toUpperCase toWellFormed " +
      "trim trimEnd trimLeft trimRight trimStart valueOf",
  ],
  [
    "Symbol",
    "asyncIterator for hasInstance isConcatSpreadable iterator keyFor length match " +
      "matchAll name prototype replace search species split toPrimitive toStringTag " +
      "unscopables",
  ],
  ["Symbol.prototype", "@@toPrimitive @@toStringTag ^description constructor toString valueOf"],
  ["Date", "UTC length name now parse prototype"],
  [
    "Date.prototype",
    "@@toPrimitive constructor getDate getDay getFullYear getHours getMilliseconds " +
      "getMinutes getMonth getSeconds getTime getTimezoneOffset getUTCDate getUTCDay " +
      "getUTCFullYear getUTCHours getUTCMilliseconds getUTCMinutes getUTCMonth " +
      "getUTCSeconds getYear setDate setFullYear setHours setMilliseconds setMinutes " +
      "setMonth setSeconds setTime setUTCDate setUTCFullYear setUTCHours setUTCMilliseconds " +
      "setUTCMinutes setUTCMonth setUTCSeconds toDateString toGMTString toISOString toJSON " +
      "toLocaleDateString toLocaleString toLocaleTimeString toString toTimeString " +
      "toUTCString valueOf",
  ],
  ["Promise", "^@@species all allSettled any length name prototype race reject resolve"],
  ["Promise.prototype", "@@toStringTag catch constructor finally then"],
  ["RegExp", "^@@species length name prototype"],
  [
    "RegExp.prototype",
    "@@match @@matchAll @@replace @@search @@split ^dotAll ^flags ^global ^hasIndices " +
      "^ignoreCase ^multiline ^source ^sticky ^unicode ^unicodeSets compile constructor " +
      "exec test toString",
  ],
  ["Error", "length name prototype stackTraceLimit prepareStackTrace"],
  ["Error.prototype", "constructor message name toString"],
  ["AggregateError", "length name prototype"],
  ["AggregateError.prototype", "constructor message name"],
  ["EvalError", "length name prototype"],
  ["EvalError.prototype", "constructor message name"],
  ["RangeError", "length name prototype"],
  ["RangeError.prototype", "constructor message name"],
  ["ReferenceError", "length name prototype"],
  ["ReferenceError.prototype", "constructor message name"],
  ["SyntaxError", "length name prototype"],
  ["SyntaxError.prototype", "constructor message name"],
  ["TypeError", "length name prototype"],
  ["TypeError.prototype", "constructor message name"],
  ["URIError", "length name prototype"],
  ["URIError.prototype", "constructor message name"],
  ["JSON", "@@toStringTag parse stringify"],
  [
    "Math",
    "@@toStringTag E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2 abs acos acosh asin asinh " +
      "atan atan2 atanh cbrt ceil clz32 cos cosh exp expm1 floor fround hypot imul log " +
      "log10 log1p log2 max min pow random round sign sin sinh sqrt tan tanh trunc",
  ],
  ["ArrayBuffer", "^@@species isView length name prototype"],
  [
    "ArrayBuffer.prototype",
    "@@toStringTag ^byteLength ^maxByteLength ^resizable constructor resize slice",
  ],
  ["Uint8Array", "BYTES_PER_ELEMENT length name prototype"],
  ["Uint8Array.prototype", "BYTES_PER_ELEMENT constructor"],
  ["Int8Array", "BYTES_PER_ELEMENT length name prototype"],
  ["Int8Array.prototype", "BYTES_PER_ELEMENT constructor"],
  ["Uint16Array", "BYTES_PER_ELEMENT length name prototype"],
  ["Uint16Array.prototype", "BYTES_PER_ELEMENT constructor"],
  ["Int16Array", "BYTES_PER_ELEMENT length name prototype"],
  ["Int16Array.prototype", "BYTES_PER_ELEMENT constructor"],
  ["Uint32Array", "BYTES_PER_ELEMENT length name prototype"],
  ["Uint32Array.prototype", "BYTES_PER_ELEMENT constructor"],
  ["Int32Array", "BYTES_PER_ELEMENT length name prototype"],
  ["Int32Array.prototype", "BYTES_PER_ELEMENT constructor"],
  ["Float32Array", "BYTES_PER_ELEMENT length name prototype"],
  ["Float32Array.prototype", "BYTES_PER_ELEMENT constructor"],
  ["Float64Array", "BYTES_PER_ELEMENT length name prototype"],
  ["Float64Array.prototype", "BYTES_PER_ELEMENT constructor"],
  ["Uint8ClampedArray", "BYTES_PER_ELEMENT length name prototype"],
  ["Uint8ClampedArray.prototype", "BYTES_PER_ELEMENT constructor"],
  ["BigUint64Array", "BYTES_PER_ELEMENT length name prototype"],
  ["BigUint64Array.prototype", "BYTES_PER_ELEMENT constructor"],
  ["BigInt64Array", "BYTES_PER_ELEMENT length name prototype"],
  ["BigInt64Array.prototype", "BYTES_PER_ELEMENT constructor"],
  ["DataView", "length name prototype"],
  [
    "DataView.prototype",
    "@@toStringTag ^buffer ^byteLength ^byteOffset constructor getBigInt64 getBigUint64 " +
      "getFloat32 getFloat64 getInt16 getInt32 getInt8 getUint16 getUint32 getUint8 " +
      "setBigInt64 setBigUint64 setFloat32 setFloat64 setInt16 setInt32 setInt8 setUint16 " +
      "setUint32 setUint8",
  ],
  ["Map", "^@@species length name prototype"],
  [
    "Map.prototype",
    "@@iterator @@toStringTag ^size clear constructor delete entries forEach get has keys " +
      "set values",
  ],
  ["BigInt", "asIntN asUintN length name prototype"],
  ["BigInt.prototype", "@@toStringTag constructor toLocaleString toString valueOf"],
  ["Set", "^@@species length name prototype"],
  [
    "Set.prototype",
    "@@iterator @@toStringTag ^size add clear constructor delete entries forEach has keys " +
      "values",
  ],
  ["WeakMap", "length name prototype"],
  ["WeakMap.prototype", "@@toStringTag constructor delete get has set"],
  ["WeakSet", "length name prototype"],
  ["WeakSet.prototype", "@@toStringTag add constructor delete has"],
  ["Proxy", "length name revocable"],
  [
    "Reflect",
    "@@toStringTag apply construct defineProperty deleteProperty get " +
      "getOwnPropertyDescriptor getPrototypeOf has isExtensible ownKeys preventExtensions " +
      "set setPrototypeOf",
  ],
  ["decodeURI", "length name"],
  ["decodeURIComponent", "length name"],
  ["encodeURI", "length name"],
  ["encodeURIComponent", "length name"],
  ["eval", "length name"],
  ["isFinite", "length name"],
  ["isNaN", "length name"],
  ["%ArrayIterator%", "@@toStringTag next"],
  ["%MapIterator%", "@@toStringTag next"],
  ["%SetIterator%", "@@toStringTag next"],
  ["%StringIterator%", "@@toStringTag next"],
  ["%RegExpStringIterator%", "@@toStringTag next"],
  ["%Iterator%", "@@iterator"],
  ["%TypedArray%", "^@@species from length name of prototype"],
  [
    "%TypedArray%.prototype",
    "@@iterator ^@@toStringTag ^buffer ^byteLength ^byteOffset ^length at constructor " +
      "copyWithin entries every fill filter find findIndex findLast findLastIndex forEach " +
      "includes indexOf join keys lastIndexOf map reduce reduceRight reverse set slice some " +
      "sort subarray toLocaleString toReversed toSorted toString values with",
  ],
  ["%GeneratorFunction%", "@@toStringTag constructor prototype"],
  ["%Generator%", "@@toStringTag constructor next return throw"],
  ["%AsyncFunction%", "@@toStringTag constructor"],
  ["%AsyncGeneratorFunction%", "@@toStringTag constructor prototype"],
  ["%AsyncGenerator%", "@@toStringTag constructor next return throw"],
  ["%AsyncIterator%", "@@asyncIterator"],
];
