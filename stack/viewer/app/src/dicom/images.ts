/** Addresses of OHIF's pages (https://docs.ohif.org/configuration/url/). */

/** A study in OHIF, at a series and at an image of it where these are named. */
export function imagesOf(study: string, series?: string | null, image?: string | null): string {
  const query = new URLSearchParams({ StudyInstanceUIDs: study });
  if (series != null) query.set('initialSeriesInstanceUID', series);
  if (series != null && image != null) query.set('initialSopInstanceUID', image);
  return `/viewer?${query.toString()}`;
}
