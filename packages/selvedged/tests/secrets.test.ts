import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { Rig, vxlanConfig } from './rig.js'

/** Of one sort each: a word, one that JSON escapes, one that a URL escapes. */
const SECRETS = ['correct-horse-battery', 'say "friend" and enter', 'a b&c=d/e']

describe('a secret of the network config is in no log,', () => {
  const PSK = 'correct-horse-battery'
  test.each<[string, object, RegExp]>([
    ['though Backend is text', { Backend: JSON.stringify({ Type: 'ipsec', PSK }) }, /Backend is text/],
    ['though Backend is a list', { Backend: [{ Type: 'ipsec', PSK }] }, /Backend is a list/],
    ['though its type is an object', { Backend: { Type: { PSK } } }, /Type is .*must be text/],
    [
      'though it stands where a number belongs',
      { Backend: { Type: 'vxlan', VNI: { Keys: [{ PSK }] } } },
      /VNI is .*whole number/,
    ],
    [
      'though it stands in another key too',
      { Backend: { Type: 'vxlan', Port: `see ${PSK}`, Cloud: [{ Keys: { a: PSK } }] } },
      /Port is .*whole number/,
    ],
  ])('%s', async (_, config, message) => {
    await using rig = await Rig.create({ ...vxlanConfig, ...config }, { hosts: 1 })
    const agent = rig.start(0, { args: ['-v=10', '--healthz-port=10256'] })
    await agent.logged(message)
    expect(await agent.get(10_256, '/readyz')).toMatch(/^503 .*must be/)
    expect(await agent.get(10_256, '/readyz')).not.toContain('horse')
    await agent.stop()
    expect(agent.output).not.toContain('horse')
  })
})

test('a token is in no log, though the API server repeats it', async () => {
  await using rig = await Rig.create(undefined, { hosts: 1 })
  const host = rig.lab.host(0)
  const netConfig = `${rig.lab.directory}/net-conf.json`
  await writeFile(netConfig, JSON.stringify(vxlanConfig))
  for (const [index, token] of ['abcdefghijkl.0123456789-ABCDEFGHIJ_xyz', 'short-token'].entries()) {
    const port = 8_080 + index
    const echo = `
      const http = require('node:http')
      http.createServer(({ headers: { authorization } }, response) => {
        const token = authorization.split(' ')[1]
        const forms = [token, encodeURIComponent(token), JSON.stringify({ token }), token + token, 'x' + token + 'y']
        response.writeHead(403, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ reason: 'Forbidden ' + token, message: 'echo: ' + forms.join(' ') }))
      }).listen(${port}, '127.0.0.1', () => console.log('listening'))`
    const server = host.spawn(process.execPath, ['-e', echo])
    await once(server.stdout, 'data')
    const kubeconfig = `${rig.lab.directory}/kubeconfig-${index}`
    await writeFile(
      kubeconfig,
      JSON.stringify({
        'current-context': 'a',
        contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
        clusters: [{ name: 'a', cluster: { server: `http://127.0.0.1:${port}` } }],
        users: [{ name: 'a', user: { token } }],
      }),
    )
    const agent = rig.start(0, {
      args: [
        '-v=10',
        '--kube-subnet-mgr',
        `--kubeconfig-file=${kubeconfig}`,
        `--net-config-path=${netConfig}`,
      ],
      variables: { NODE_NAME: 'node1' },
    })
    const denied = await agent.logged(/echo|credentials/)
    expect(denied.msg).toContain('[redacted]')
    await agent.stop()
    expect(agent.output).not.toContain(token)
    expect(agent.output).not.toContain(token.slice(0, 16))
  }
})

test.each(SECRETS)(
  'the password %j is in no log, though etcd is not encrypted and refuses it',
  async (password) => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    await rig.etcd.enableAuth('root', 'something-else')
    const agent = rig.start(0, {
      args: [
        '-v=10',
        '--etcd-username=root',
        `--etcd-password=${password}`,
        '--etcd-cafile=/etc/ssl/cert.pem',
      ],
    })
    await agent.logged(/^flag -etcd-endpoints: the password is sent unencrypted to http:/)
    await agent.logged(/^flag -etcd-endpoints: http:.*have no effect there/)
    await agent.logged(/etcd refuses user 'root'/)
    await agent.stop()
    expect(agent.output).not.toContain(password)
    expect(agent.output).not.toContain(JSON.stringify(password).slice(1, -1))
  },
)

test('a password of one letter is not told by what is redacted', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  await rig.etcd.enableAuth('root', 'something-else')
  const agent = rig.start(0, { args: ['-v=10', '--etcd-username=root', '--etcd-password=e'] })
  expect((await agent.logged(/refuses/)).msg).toMatch(/etcd refuses user 'root'/)
  await agent.stop()
  expect(agent.output).not.toContain('[redacted]')
})
