/** What is used of packages that come without types. */
declare module 'dcmjs' {
  type Dataset = Record<string, unknown>;
  interface DicomDict {
    dict: Dataset;
    write(options?: { allowInvalidVRLength?: boolean }): ArrayBuffer;
  }
  const dcmjs: {
    data: {
      DicomDict: new (meta: Dataset) => DicomDict;
      DicomMetaDictionary: { denaturalizeDataset(dataset: Dataset): Dataset };
    };
    log: { setLevel(level: string): void };
  };
  export default dcmjs;
}

/** A package's file as bytes, carried inside the bundle. */
declare module 'bytes:*' {
  const bytes: Uint8Array;
  export default bytes;
}
