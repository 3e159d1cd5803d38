/** Run inside a host with few rights: sets up a link, and prints what the driver says on the way, as JSON. */
import { linux } from '@selvedge/dataplane-linux'

const [link, scope] = process.argv.slice(2).map((text) => JSON.parse(text))
const driver = linux()
try {
  const warnings = await driver.preflight([link.type])
  const { name } = await driver.externalInterface()
  const [{ ok }] = await driver.apply([{ type: 'put', resource: link }])
  const resources = await driver.snapshot(scope)
  const watch = await watchOnce()
  process.stdout.write(JSON.stringify({ warnings, name, ok, resources, watch }))
} catch (error) {
  process.stdout.write(JSON.stringify({ error: error.message }))
} finally {
  await driver[Symbol.asyncDispose]()
}

/** `works`, or why it does not. */
async function watchOnce() {
  const end = new AbortController()
  setTimeout(() => end.abort(), 100)
  try {
    for await (const _event of driver.watch({ signal: end.signal })) break
    return 'works'
  } catch (error) {
    return error.message
  }
}
