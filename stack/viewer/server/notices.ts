/**
 * What OHIF is given to say why an image is not drawn, or not as it should be: it keeps that to its console.
 *
 * An extension as text, for `app-config.js`. Events: `Enums.Events` of Cornerstone3D,
 * https://www.cornerstonejs.org/docs/concepts/cornerstone-core/cornerstoneevents; the notice: OHIF's
 * `UINotificationService`, https://docs.ohif.org/platform/services/ui/ui-notification-service.
 */
export const NOTICES = `
const reasonOf = (error) => {
  const text = String((error && (error.message || (error.error && error.error.message))) || '');
  const status = Number((error && error.status) || (/got status (\\d{3})/.exec(text) || [])[1] || 0);
  if (status === 401) return null;
  if (status > 0) {
    const answer = 'Orthanc cannot give the pixels of an image (its answer: ' + status + '). ';
    return answer + 'They are broken, or fewer than the image claims.';
  }
  // A second event of the same failure holds no words.
  if (text === '') return null;
  const whose = error instanceof TypeError ? ', by an error of its own: ' : ': ';
  return 'OHIF cannot draw an image' + whose + text.slice(0, 200);
};
const notices = {
  id: 'orthancgen.notices',
  preRegistration({ servicesManager }) {
    const { Enums, eventTarget, metaData } = window.cornerstone;
    const { IMAGE_LOAD_ERROR, IMAGE_LOAD_FAILED, IMAGE_LOADED } = Enums.Events;
    const told = new Set();
    const tell = (message) => {
      if (message === null || told.has(message)) return;
      told.add(message);
      const { uiNotificationService } = servicesManager.services;
      uiNotificationService.show({ title: 'Not shown as it should be', message, type: 'warning', duration: Infinity });
    };
    const failed = ({ detail }) => {
      const first = Array.isArray(detail) ? detail[0] && detail[0].reason : detail && detail.error;
      tell(reasonOf(first));
    };
    eventTarget.addEventListener(IMAGE_LOAD_ERROR, failed);
    eventTarget.addEventListener(IMAGE_LOAD_FAILED, failed);
    eventTarget.addEventListener(IMAGE_LOADED, ({ detail }) => {
      const { image } = detail;
      const { rows, columns, samplesPerPixel, bitsAllocated } = metaData.get('imagePixelModule', image.imageId) || {};
      if (samplesPerPixel > 1 && bitsAllocated > 8) {
        const bits = 'An image has ' + bitsAllocated + ' bits for a colour. ';
        tell(bits + 'OHIF shows 8: its colours are not as they should be.');
      }
      const window = [image.minPixelValue, image.maxPixelValue, image.windowCenter, image.windowWidth].flat();
      const pixels = typeof image.getPixelData === 'function' ? image.getPixelData() : undefined;
      if (window.some(Number.isNaN) || (pixels && pixels.length < rows * columns)) {
        tell('OHIF cannot draw an image: it holds fewer pixels than it claims, or none that are numbers.');
      }
    });
    // What goes wrong after an image was loaded: its colours.
    window.addEventListener('unhandledrejection', ({ reason }) => {
      if (reason instanceof Error && /palette|pixel|decod/i.test(reason.message)) tell(reasonOf(reason));
    });
  },
};
`;
