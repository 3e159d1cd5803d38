/**
 * `node --import` it: tells on standard error of every module that is loaded, by ES import, by require or as a file of
 * the bundle.
 */
import Module, { register } from 'node:module'
import vm from 'node:vm'

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

vm.Script = class extends vm.Script {
  constructor(code, options) {
    process._rawDebug(`loaded /bundle/${options?.filename}`)
    super(code, options)
  }
}
