/**
 * `node --import` it: reports every module that is loaded, by ES import or by require, on standard error.
 */
import Module, { register } from 'node:module'

const hook = `export async function load(url, context, nextLoad) {
  process._rawDebug('loaded ' + url)
  return nextLoad(url, context)
}`
register(`data:text/javascript,${encodeURIComponent(hook)}`)

const { _load } = Module
Module._load = function (request, parent, isMain) {
  process._rawDebug(`loaded ${Module._resolveFilename(request, parent, isMain)}`)
  return _load.call(this, request, parent, isMain)
}
