/** Where the repository is, as package.json says: a host has no documents. */
export const REPOSITORY = 'https://github.com/selvedge/selvedge'

/** A page of `docs/`, as it was for this version, such as `doctor.md#host.ip-forward`. */
export const documentUrl = (page: string, version: string): string =>
  `${REPOSITORY}/blob/v${version}/docs/${page}`
