import { fileURLToPath } from 'node:url'
import type { Container, Host, Result, Runtime } from '@selvedge/lab'

const MANY_CALLS = fileURLToPath(new URL('many-calls.mjs', import.meta.url))

/** The same call of the plugin for many containers at once, in one process. */
export async function callForAll(
  { host, runtime }: { readonly host: Host; readonly runtime: Runtime },
  verb: string,
  config: object,
  containers: readonly Container[],
): Promise<readonly Result[]> {
  const calls = containers.map((container) => ({
    env: Object.fromEntries(runtime.environment(verb, container, 'eth0').map((text) => splitOnce(text, '='))),
    config,
  }))
  const output = await host.exec(process.execPath, [MANY_CALLS], {
    input: JSON.stringify(calls),
    timeoutMs: 60_000,
  })
  return JSON.parse(output).map(({ status, text }: { status: number; text: string }) => {
    if (status !== 0) throw new Error(text)
    return text === '' ? {} : JSON.parse(text)
  })
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator)
  return [text.slice(0, at), text.slice(at + 1)]
}
