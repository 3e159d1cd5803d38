/** Where kubectl 1.32 is, once it has been downloaded. */
export const kubectl132: string
