export { alloc } from './alloc.js'
