/**
 * OHIF's configuration: one DICOMweb source on this very origin, our name, and the way home.
 *
 * Everything that loads from elsewhere or from the address line stays off, as in its own default configuration:
 * https://docs.ohif.org/configuration/configurationFiles
 */

import { NOTICES } from './notices.ts';

/** The text of `app-config.js`. @param title the site's name, shown as the way home */
export function appConfig(title: string): string {
  const values = JSON.stringify({ title }).replaceAll('<', '\\u003c');
  return `const site = ${values};
const study = new URLSearchParams(window.location.search).get('StudyInstanceUIDs') || '';
const home = /^[0-9.]{1,64}$/.test(study) ? '/studies/' + study : '/';
const look = { color: '#9ccfff', fontWeight: 600, textDecoration: 'none', padding: '0 .75rem', whiteSpace: 'nowrap' };
const source = { friendlyName: site.title, name: 'orthanc', qidoRoot: '/dicom-web', wadoRoot: '/dicom-web',
  qidoSupportsIncludeField: false, supportsReject: false, supportsStow: false, imageRendering: 'wadors',
  thumbnailRendering: 'wadors', enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true,
  omitQuotationForMultipartRequest: true, bulkDataURI: { enabled: true, relativeResolution: 'studies' } };
${NOTICES}
// An image without a size of its pixels, or without a place, is drawn; one that says 0, or has less than three numbers
// for its place, would stay black. Orthanc before 1.13.0 tells no places of images that are in JIS X 0201 (ISO_IR 13).
const sizes = {
  id: 'orthancgen.pixel-spacing',
  preRegistration() {
    const { metaData } = window.cornerstone;
    let asking = false;
    metaData.addProvider((type, ...which) => {
      if (type !== 'imagePlaneModule' || asking) return undefined;
      asking = true;
      try {
        const plane = metaData.get(type, ...which);
        if (!plane) return undefined;
        const { imagePositionPatient: place, imageOrientationPatient: axes } = plane;
        const sized = plane.rowPixelSpacing > 0 && plane.columnPixelSpacing > 0;
        const placed = (!place || place.length === 3) && (!axes || axes.length === 6);
        if (sized && placed) return undefined;
        const one = { rowPixelSpacing: 1, columnPixelSpacing: 1, pixelSpacing: [1, 1] };
        const nowhere = {
          imagePositionPatient: [0, 0, 0], imageOrientationPatient: [1, 0, 0, 0, 1, 0],
          rowCosines: [1, 0, 0], columnCosines: [0, 1, 0],
        };
        return { ...plane, ...(sized ? {} : one), ...(placed ? {} : nowhere), usingDefaultValues: true };
      } finally {
        asking = false;
      }
    }, 1e6);
  },
};
window.config = {
  name: 'orthancgen', routerBasename: null, extensions: [sizes, notices], modes: [], customizationService: {},
  showStudyList: false, maxNumberOfWebWorkers: 3, showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: true, showLoadingIndicator: true, strictZSpacingForVolumeViewport: true,
  investigationalUseDialog: { option: 'never' }, groupEnabledModesFirst: true, showErrorDetails: 'dev',
  maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 10 },
  defaultDataSourceName: 'orthanc',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'orthanc', configuration: source,
  }],
  whiteLabeling: {
    createLogoComponentFn: (React) => React.createElement(
      'a',
      { href: home, 'aria-label': 'Back to the study', style: look },
      '\\u2190 ' + site.title,
    ),
  },
  httpErrorHandler: (error) => {
    const here = window.location.pathname + window.location.search;
    if (error.status === 401) window.location.assign('/login?next=' + encodeURIComponent(here));
  },
};
`;
}
