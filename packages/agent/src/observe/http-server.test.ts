import { request } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { type HealthServer, serveHealth } from './http-server.js'

let server: HealthServer | undefined
let why: string | undefined

afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
  server = undefined
})

async function serve(metrics = async () => ({ text: 'a 1\n', contentType: 'text/plain; version=0.0.4' })) {
  server = await serveHealth({ ip: '127.0.0.1', port: 0 }, { notReady: () => why, metrics })
  return server.port
}

async function get(port: number, path: string) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

describe('served are', () => {
  test('/healthz: running is healthy, ready or not', async () => {
    why = 'etcd does not answer'
    expect(await get(await serve(), '/healthz')).toMatchObject({ status: 200, text: 'flanneld is running' })
  })

  test('/readyz: as things are at the time, and why', async () => {
    const port = await serve()
    why = 'etcd does not answer'
    expect(await get(port, '/readyz')).toMatchObject({
      status: 503,
      text: 'flanneld is not ready yet: etcd does not answer',
    })
    why = undefined
    expect(await get(port, '/readyz?verbose')).toMatchObject({ status: 200, text: 'flanneld is ready' })
  })

  test('/metrics, with their content type', async () => {
    expect(await get(await serve(), '/metrics')).toEqual({
      status: 200,
      type: 'text/plain; version=0.0.4',
      text: 'a 1\n',
    })
  })

  test('/metrics that cannot be gathered harm nothing else', async () => {
    const port = await serve(() => Promise.reject(new Error('oops')))
    expect(await get(port, '/metrics')).toMatchObject({ status: 500, text: 'gathering metrics: oops' })
    expect(await get(port, '/healthz')).toMatchObject({ status: 200 })
  })

  test('nothing else', async () => {
    expect(await get(await serve(), '/')).toMatchObject({ status: 404 })
  })
})

test('a port in use is an error that says so', async () => {
  const port = await serve()
  await expect(
    serveHealth({ ip: '127.0.0.1', port }, { notReady: () => undefined, metrics: () => Promise.reject() }),
  ).rejects.toThrow(/EADDRINUSE.*127\.0\.0\.1/)
})

test('it stops at once, whoever is being served', async () => {
  const port = await serve(() => new Promise(() => {}))
  const cutOff = new Promise((resolve) => request({ port, path: '/metrics' }).on('error', resolve).end())
  await get(port, '/healthz')
  const start = performance.now()
  await server?.[Symbol.asyncDispose]()
  server = undefined
  await cutOff
  expect(performance.now() - start).toBeLessThan(500)
})
