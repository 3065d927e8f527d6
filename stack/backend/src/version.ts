/** The backend's version, as in package.json. */
export const VERSION: string = typeof __VERSION__ === 'undefined' ? 'development' : __VERSION__;
