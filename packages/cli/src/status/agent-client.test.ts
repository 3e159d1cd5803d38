import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { askAgent, isAgentThere } from './agent-client.js'

const { signal } = new AbortController()

/** The path of a control socket whose agent answers in this way. */
async function agent(answer?: RequestListener): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slv-cli-'))
  const path = join(directory, 'control.sock')
  const server = createServer(answer)
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await rm(directory, { recursive: true })
  })
  if (answer !== undefined) await new Promise<void>((resolve) => server.listen(path, resolve))
  return path
}

test('no agent: no status', async () => {
  const path = await agent()
  expect(await askAgent(path, signal)).toBeUndefined()
  expect(await isAgentThere(path, signal)).toBe(false)
})

test('an agent that does not answer, or whose answer does not end, is given up', async () => {
  for (const answer of [() => {}, (_, response) => response.write('{"format":')] as RequestListener[]) {
    const path = await agent(answer)
    const asking = askAgent(path, signal, 50)
    await expect(asking).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(`${path}: it has not answered within 0.05 s`),
    })
  }
})

test('an answer without end takes no memory without end', async () => {
  const path = await agent((_, response) => {
    const more = (): void => {
      response.write('x'.repeat(1_000_000), (error) => {
        if (!error && response.socket?.destroyed === false) more()
      })
    }
    more()
  })
  await expect(askAgent(path, signal)).rejects.toThrow('its answer does not end')
})

test.each([
  [200, 'null'],
  [200, '{"format":2}'],
  [200, '<html>'],
  [404, '{"format":1}'],
])('%i %s is an agent of another version', async (status, text) => {
  const path = await agent((_, response) => response.writeHead(status).end(text))
  await expect(askAgent(path, signal)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  expect(await isAgentThere(path, signal)).toBe(true)
})

test('an agent that restarts while it answers is unavailable', async () => {
  const path = await agent((_, response) => response.destroy())
  await expect(askAgent(path, signal)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
})

test('a command that is interrupted ends', async () => {
  const interrupt = new AbortController()
  const path = await agent(() => interrupt.abort(new Error('interrupted')))
  await expect(askAgent(path, interrupt.signal)).rejects.toThrow('interrupted')
})
