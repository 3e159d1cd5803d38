export * from './access.js'
export { DEFAULT_ANNOTATION_PREFIX } from './annotations.js'
export * from './kube-subnet-manager.js'
export * from './options.js'
