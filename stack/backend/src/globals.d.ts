/** The package's version, put in by the build; absent when the sources run directly. */
declare const __VERSION__: string | undefined;

declare module 'asset:*' {
  const text: string;
  export default text;
}
