import { expect, test } from 'vitest'
import { runTool } from './run-tool.js'
import { withTimeLimit } from './time-limit.js'

const late = new Error('late')
const forever = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

test('a body that takes too long is aborted, one that is interrupted says so, and one that ends is returned', async () => {
  const { signal } = new AbortController()
  await expect(withTimeLimit({ limitMs: 5, signal, late }, forever)).rejects.toBe(late)
  const interrupted = AbortSignal.abort(new Error('stop'))
  const answer = withTimeLimit(
    { limitMs: 60_000, signal: interrupted, late },
    async (within) => within.reason,
  )
  expect(await answer).toMatchObject({ message: 'stop' })
  expect(await withTimeLimit({ limitMs: 60_000, signal, late }, async () => 7)).toBe(7)
})

test('a tool that is missing, fails, takes too long, says too much or is interrupted', async () => {
  expect(await runTool('no-such-tool-of-this-name', [])).toBeUndefined()
  expect(await runTool('sh', ['-c', 'echo out; echo err >&2; exit 3'])).toEqual({
    status: 3,
    stdout: 'out\n',
    stderr: 'err\n',
    killed: undefined,
  })
  expect(await runTool('sleep', ['60'], { timeoutMs: 20 })).toMatchObject({
    status: null,
    killed: 'it took longer than 0.02 s',
  })
  const endless = await runTool('yes', [], { maxBytes: 1_000 })
  expect(endless).toMatchObject({ status: null, killed: 'its output is longer than 1000 bytes' })
  const stop = new AbortController()
  setTimeout(() => stop.abort(new Error('stop')), 20)
  expect(await runTool('sleep', ['60'], { signal: stop.signal })).toMatchObject({ killed: 'interrupted' })
})
