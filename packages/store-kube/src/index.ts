export { DEFAULT_ANNOTATION_PREFIX } from './annotations.js'
export * from './auth/access.js'
export * from './manager.js'
export * from './options.js'
