import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, appendFile, copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isOverlayError, type LeaseAttributes } from '@selvedge/core'
import {
  certificateAuthority,
  clientCertificate,
  documentBlock,
  freePort,
  KubeCluster,
  serverCertificate,
} from '@selvedge/lab'
import {
  type KubeAccess,
  KubeSubnetManager,
  type KubeSubnetManagerOptions,
  podAccess,
} from '@selvedge/store-kube'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { annotationsOf, createNode, getNode } from '../support/nodes.js'
import { Watching } from '../support/watching.js'

const MANIFEST = fileURLToPath(
  new URL('../../../../deploy/kubernetes/base/kube-flannel.yml', import.meta.url),
)

const attributes: LeaseAttributes = { publicIp: '192.0.2.1', backendType: 'host-gw' }

let cluster: KubeCluster
const open: KubeSubnetManager[] = []

beforeAll(async () => {
  cluster = await KubeCluster.start({ podCidrs: '10.244.0.0/16' })
  await cluster.kubectl('apply', '-f', MANIFEST)
})

afterAll(() => cluster.stop())

beforeEach(async () => {
  await createNode(cluster, 'worker-1', { podCidr: '10.244.1.0/24' })
})

afterEach(async () => {
  for (const manager of open.splice(0)) await manager[Symbol.asyncDispose]()
  await cluster.removeNodes()
})

function connect(access: KubeAccess, options: Partial<KubeSubnetManagerOptions> = {}): KubeSubnetManager {
  const networkConfig = { Network: '10.244.0.0/16' }
  const manager = new KubeSubnetManager({ access, node: 'worker-1', networkConfig, ...options })
  open.push(manager)
  return manager
}

/** Does what every access must allow. */
async function expectToWork(manager: KubeSubnetManager): Promise<void> {
  const lease = await manager.acquireLease({ attributes })
  const watching = new Watching(manager)
  await watching.until('its lease', () => watching.addresses['10.244.1.0-24'] === '192.0.2.1')
  await manager.renewLease(lease)
  await manager.reportNetworkAvailable()
  await manager.releaseLease(lease)
  await watching.until('its end', () => watching.leases.size === 0)
  await watching.stop()
  expect(watching.errors).toEqual([])
}

const byToken = (): KubeAccess => ({
  apiUrl: cluster.url,
  caFile: cluster.authority.certFile,
  tokenFile: cluster.tokenFile,
})

/** A shell script that answers as a credential plugin. */
const printCredential = (token: string): string =>
  `#!/bin/sh\nprintf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "${token}"\n`

/** A pod's service account folder, with a token of the manifest's service account. */
async function serviceAccountFolder(name: string, boundTo?: object): Promise<string> {
  const folder = join(cluster.folder, name)
  await mkdir(folder)
  await writeFile(join(folder, 'ca.crt'), await readFile(cluster.authority.certFile))
  await rotateToken(folder, boundTo)
  return folder
}

async function rotateToken(folder: string, boundTo?: object): Promise<void> {
  const path = '/api/v1/namespaces/kube-flannel/serviceaccounts/flannel/token'
  const { status } = await cluster.admin.post<{ status: { token: string } }>(path, {
    spec: { expirationSeconds: 600, ...(boundTo && { boundObjectRef: boundTo }) },
  })
  // Atomically, as the kubelet does.
  await writeFile(join(folder, 'token.new'), status.token)
  await rename(join(folder, 'token.new'), join(folder, 'token'))
}

const podAccessTo = (serviceAccountFolder: string): KubeAccess => {
  const { hostname, port } = new URL(cluster.url)
  return podAccess({ host: hostname, port, serviceAccountFolder })
}

describe('access', () => {
  test('by a URL, a CA and a token', () => expectToWork(connect(byToken())))

  test('by a client certificate', async () => {
    const { certFile, keyFile } = await clientCertificate(
      cluster.folder,
      'node-agent',
      'system:masters',
      cluster.authority,
    )
    await expectToWork(
      connect({ apiUrl: cluster.url, caFile: cluster.authority.certFile, certFile, keyFile }),
    )
  })

  test('by a client certificate whose files are rotated one after the other', async () => {
    const [certFile, keyFile] = ['rotated.crt', 'rotated.key'].map((name) => join(cluster.folder, name))
    const [old, renewed] = await Promise.all(
      ['none', 'system:masters'].map((group, index) =>
        clientCertificate(cluster.folder, `rotated-${index}`, group, cluster.authority),
      ),
    )
    if (certFile === undefined || keyFile === undefined || !old || !renewed) throw new Error()
    await copyFile(old.certFile, certFile)
    await copyFile(old.keyFile, keyFile)
    const manager = connect({ apiUrl: cluster.url, caFile: cluster.authority.certFile, certFile, keyFile })
    await expect(manager.acquireLease({ attributes })).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    await copyFile(renewed.certFile, certFile)
    await expect(manager.acquireLease({ attributes })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await copyFile(renewed.keyFile, keyFile)
    await expectToWork(manager)
  })

  test('by a kubeconfig, with another server than it names', async () => {
    const kubeconfigFile = join(cluster.folder, 'elsewhere.kubeconfig')
    const text = await readFile(await cluster.adminKubeconfig(), 'utf8')
    await writeFile(kubeconfigFile, text.replace(cluster.url, 'https://192.0.2.1:6443'))
    await expectToWork(connect({ kubeconfigFile, apiUrl: cluster.url }))
  })

  test.each([
    ['a token', async () => ({ token: await readFile(cluster.tokenFile, 'utf8') })],
    ['a file with a token', async () => ({ tokenFile: cluster.tokenFile })],
    [
      'a client certificate, inline',
      async () => {
        const pair = await clientCertificate(cluster.folder, 'inline', 'system:masters', cluster.authority)
        const base64 = async (file: string) => (await readFile(file)).toString('base64')
        return {
          'client-certificate-data': await base64(pair.certFile),
          'client-key-data': await base64(pair.keyFile),
        }
      },
    ],
    [
      'a plugin',
      async () => ({
        exec: {
          apiVersion: 'client.authentication.k8s.io/v1beta1',
          command: '/bin/sh',
          args: [
            '-c',
            `printf '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"%s"}}' "$(cat ${cluster.tokenFile})"`,
          ],
        },
      }),
    ],
  ])('by a kubeconfig with %s', async (name, user) => {
    await expectToWork(
      connect({ kubeconfigFile: await cluster.kubeconfig(name.replaceAll(/\W/g, '-'), await user()) }),
    )
  })

  test('by a kubeconfig of two documents, with a plugin beside it', async () => {
    const folder = join(cluster.folder, 'with-plugin')
    await mkdir(join(folder, 'bin'), { recursive: true })
    await writeFile(join(folder, 'bin/get-token'), printCredential(`$(cat ${cluster.tokenFile})`), {
      mode: 0o755,
    })
    const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'bin/get-token' } }
    const written = await cluster.kubeconfig('with-plugin', user)
    const kubeconfigFile = join(folder, 'config')
    await writeFile(kubeconfigFile, `${await readFile(written, 'utf8')}\n---\nkind: Secret\n`)
    await expectToWork(connect({ kubeconfigFile }))
  })

  test('by a kubeconfig with a plugin, for a user to impersonate', async () => {
    await cluster.kubectl('create', 'clusterrolebinding', 'as-other', '--clusterrole=flannel', '--user=other')
    const command = join(cluster.folder, 'get-token-to-impersonate')
    await writeFile(command, printCredential(`$(cat ${cluster.tokenFile})`), { mode: 0o755 })
    const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command }, as: 'other' }
    const manager = connect({ kubeconfigFile: await cluster.kubeconfig('impersonating', user) })
    await expectToWork(manager)
    await cluster.kubectl('delete', 'clusterrolebinding', 'as-other')
    await expect(manager.acquireLease({ attributes })).rejects.toThrow('User "other" cannot get resource')
  })

  test('by a plugin that hangs: the status names it, and it ends with the store', async () => {
    const command = join(cluster.folder, 'hanging')
    const pidFile = join(cluster.folder, 'hanging.pid')
    await writeFile(command, `#!/bin/sh\necho $$ > ${pidFile}\nexec sleep 300\n`, { mode: 0o755 })
    const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command } }
    const manager = connect({ kubeconfigFile: await cluster.kubeconfig('hanging', user) })
    const lease = expect(manager.acquireLease({ attributes })).rejects.toMatchObject({ code: 'CLOSED' })
    await expect
      .poll(() => manager.status.waitingFor, { timeout: 10_000 })
      .toMatchObject({ type: 'credentials', message: expect.stringContaining(`'${command}'`) })
    const pid = (await readFile(pidFile, 'utf8')).trim()
    await manager[Symbol.asyncDispose]()
    await lease
    const ended = () =>
      access(`/proc/${pid}`).then(
        () => false,
        () => true,
      )
    await expect.poll(ended, { timeout: 5_000 }).toBe(true)
    await expect.poll(() => manager.status.waitingFor).toBeUndefined()
  })

  test('by discovery, as kubectl finds the cluster', async () => {
    const before = process.env.KUBECONFIG
    process.env.KUBECONFIG = await cluster.adminKubeconfig()
    try {
      await expectToWork(connect({ discover: true }))
    } finally {
      if (before === undefined) delete process.env.KUBECONFIG
      else process.env.KUBECONFIG = before
    }
  })

  test('to a node that is named by its pod', async () => {
    await cluster.admin.post('/api/v1/namespaces/kube-flannel/pods', {
      metadata: { name: 'agent' },
      spec: {
        nodeName: 'worker-1',
        serviceAccountName: 'flannel',
        automountServiceAccountToken: false,
        containers: [{ name: 'agent', image: 'none' }],
      },
    })
    await expectToWork(connect(byToken(), { node: { podName: 'agent', podNamespace: 'kube-flannel' } }))
  })
})

test("the manifest grants its service account's token all that a node needs", async () => {
  await expectToWork(connect(podAccessTo(await serviceAccountFolder('granted'))))
})

describe('a token', () => {
  test('that is rotated in its file is used at once, and the watch does not end', async () => {
    const secret = await cluster.admin.post<{ metadata: { name: string; uid: string } }>(
      '/api/v1/namespaces/kube-flannel/secrets',
      { metadata: { generateName: 'bound-' } },
    )
    const { name, uid } = secret.metadata
    const folder = await serviceAccountFolder('rotated', { kind: 'Secret', apiVersion: 'v1', name, uid })
    const manager = connect(podAccessTo(folder))
    const lease = await manager.acquireLease({ attributes })
    const watching = new Watching(manager)
    await watching.until('its lease', () => watching.leases.size === 1)
    // Revokes the first token, which the API server caches for 10 s.
    await cluster.admin.delete(`/api/v1/namespaces/kube-flannel/secrets/${name}`)
    const denied = async () =>
      manager.renewLease(lease).then(
        () => false,
        (error) => isOverlayError(error, 'ACCESS_DENIED'),
      )
    await expect.poll(denied, { timeout: 30_000, interval: 500 }).toBe(true)
    await rotateToken(folder)
    await manager.renewLease({ ...lease, attributes: { ...attributes, backendData: { a: 1 } } })
    await watching.until(
      'new data',
      () => [...watching.leases.values()][0]?.attributes.backendData !== undefined,
    )
    expect([watching.snapshots, watching.errors]).toEqual([1, []])
    await watching.stop()
  })

  test('in a kubeconfig that is rewritten is used at once', async () => {
    const kubeconfigFile = await cluster.kubeconfig('renewed', { token: 'of-no-use' })
    const manager = connect({ kubeconfigFile })
    await expect(manager.acquireLease({ attributes })).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    await cluster.kubeconfig('renewed', { token: await readFile(cluster.tokenFile, 'utf8') })
    await expectToWork(manager)
  })
})

describe('checkAccess', () => {
  const reader = async () => {
    const pair = await clientCertificate(cluster.folder, 'list-alone', 'none', cluster.authority)
    return { apiUrl: cluster.url, caFile: cluster.authority.certFile, ...pair }
  }

  test('resolves with the rights that the manifest grants', () =>
    connect(byToken())
      .checkAccess()
      .then(() => expectToWork(connect(byToken()))))

  test('resolves with the rights that the README lists, which are all that a node needs', async () => {
    const rules = documentBlock('packages/store-kube/README.md', 'rules:')
    const file = join(cluster.folder, 'by-readme.yml')
    const head = 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: by-readme }'
    await writeFile(file, `${head}\n${rules}\n`)
    await cluster.kubectl('apply', '-f', file)
    const binding = ['clusterrolebinding', 'by-readme', '--clusterrole=by-readme', '--user=by-readme']
    await cluster.kubectl('create', ...binding)
    const pair = await clientCertificate(cluster.folder, 'by-readme', 'none', cluster.authority)
    const access = { apiUrl: cluster.url, caFile: cluster.authority.certFile, ...pair }
    await connect(access, { node: { podName: 'agent', podNamespace: 'kube-flannel' } }).checkAccess()
    await expectToWork(connect(access))
  })

  test('names the rights that are missing, and changes nothing', async () => {
    await cluster.kubectl('create', 'clusterrole', 'list-alone', '--verb=get,list', '--resource=nodes')
    await cluster.kubectl(
      'create',
      'clusterrolebinding',
      'list-alone',
      '--clusterrole=list-alone',
      '--user=list-alone',
    )
    const manager = connect(await reader())
    const denied = expect(manager.checkAccess()).rejects
    await denied.toMatchObject({ code: 'ACCESS_DENIED' })
    await denied.toThrow(
      /: they may not watch nodes, patch nodes\/status \(worker-1\); a role must allow it$/,
    )
    const byPod = connect(await reader(), { node: { podName: 'agent', podNamespace: 'kube-flannel' } })
    await expect(byPod.checkAccess()).rejects.toThrow(
      'they may not get pods (kube-flannel/agent), watch nodes',
    )
    expect(await annotationsOf(cluster, 'worker-1')).toEqual({})
  })

  test('counts a right that is granted for this node alone', async () => {
    const own = ['--resource=nodes/status', '--resource-name=worker-1']
    await cluster.kubectl('create', 'clusterrole', 'own-node', '--verb=patch', ...own)
    await cluster.kubectl('create', 'clusterrole', 'all-nodes', '--verb=get,list,watch', '--resource=nodes')
    for (const role of ['own-node', 'all-nodes'])
      await cluster.kubectl('create', 'clusterrolebinding', role, `--clusterrole=${role}`, '--user=own-node')
    const pair = await clientCertificate(cluster.folder, 'own-node', 'none', cluster.authority)
    const access = { apiUrl: cluster.url, caFile: cluster.authority.certFile, ...pair }
    await connect(access).checkAccess()
    await expect(connect(access, { node: 'worker-2' }).checkAccess()).rejects.toThrow(
      'they may not patch nodes/status (worker-2); a',
    )
  })

  test('says that the server does not answer, or that who asks is unknown', async () => {
    const absent = connect({ ...byToken(), apiUrl: `https://127.0.0.1:${await freePort()}` })
    await expect(absent.checkAccess()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    const unknown = connect({ apiUrl: cluster.url, caFile: cluster.authority.certFile, token: 'of-no-use' })
    await expect(unknown.checkAccess()).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    await expect(
      connect(byToken()).checkAccess({ signal: AbortSignal.abort(new Error('stop')) }),
    ).rejects.toThrow('stop')
  })
})

describe('a request that is denied', () => {
  test('is reported with its path, the answer and what to grant, and without the token', async () => {
    const folder = await serviceAccountFolder('denied')
    const token = await readFile(join(folder, 'token'), 'utf8')
    await cluster.kubectl('delete', 'clusterrolebinding', 'flannel')
    const manager = connect(podAccessTo(folder))
    const watching = new Watching(manager)
    await watching.until('errors', () => watching.errors.length >= 2)
    const denied = await manager.acquireLease({ attributes }).catch((error) => error)
    for (const error of [denied, ...watching.errors]) {
      expect(isOverlayError(error, 'ACCESS_DENIED')).toBe(true)
      expect(error.message).toMatch(
        /GET \/api\/v1\/nodes.*403 Forbidden.*system:serviceaccount:kube-flannel:flannel/,
      )
      expect(error.message).toContain('must allow get, list and watch of nodes')
      expect(error.message).not.toContain(token)
    }
    await cluster.kubectl('apply', '-f', MANIFEST)
    await watching.until('a snapshot once granted', () => watching.snapshots === 1)
    await watching.stop()
    await expectToWork(manager)
  })

  test('because it may not patch changes nothing, and is reported', async () => {
    const { certFile, keyFile } = await clientCertificate(cluster.folder, 'reader', 'none', cluster.authority)
    await cluster.kubectl('create', 'clusterrole', 'reader', '--verb=get,list,watch', '--resource=nodes')
    await cluster.kubectl('create', 'clusterrolebinding', 'reader', '--clusterrole=reader', '--user=reader')
    const manager = connect({ apiUrl: cluster.url, caFile: cluster.authority.certFile, certFile, keyFile })
    const failure = expect(manager.acquireLease({ attributes })).rejects
    await failure.toMatchObject({ code: 'ACCESS_DENIED' })
    await failure.toThrow(/PATCH .*worker-1\/status.*patch resource "nodes\/status".*patch of nodes\/status/)
    expect(await annotationsOf(cluster, 'worker-1')).toEqual({})
  })

  test('because of an invalid token', async () => {
    const token = 'a-token-that-is-none'
    const manager = connect({ apiUrl: cluster.url, caFile: cluster.authority.certFile, token })
    const error = await manager.acquireLease({ attributes }).catch((thrown) => thrown)
    expect(isOverlayError(error, 'ACCESS_DENIED')).toBe(true)
    expect(error.message).toContain('401 Unauthorized')
    expect(JSON.stringify(error) + String(error.stack)).not.toContain(token)
  })
})

describe('a client certificate', () => {
  test('of another authority is refused, and the error says so: by the API server, and by TLS before it', async () => {
    const { folder, authority, url } = cluster
    const foreign = await clientCertificate(
      folder,
      'foreign',
      'none',
      await certificateAuthority(folder, 'foreign-ca'),
    )
    const access = { apiUrl: url, caFile: authority.certFile, ...foreign }
    const byServer = expect(connect(access).acquireLease({ attributes })).rejects
    await byServer.toMatchObject({ code: 'ACCESS_DENIED' })
    await byServer.toThrow(/401 Unauthorized.*whether the API server trusts the authority that signed it/)

    // As a proxy that asks for certificates does.
    const port = await freePort()
    const { certFile, keyFile } = await serverCertificate(folder, 'tls-proxy', '127.0.0.1', authority)
    const verify = ['-CAfile', authority.certFile, '-Verify', '1', '-verify_return_error', '-quiet']
    const args = ['s_server', '-accept', `127.0.0.1:${port}`, '-cert', certFile, '-key', keyFile, ...verify]
    const proxy = spawn('openssl', args, { stdio: 'ignore' })
    try {
      const manager = connect({ ...access, apiUrl: `https://127.0.0.1:${port}` })
      await expect
        .poll(
          () => manager.acquireLease({ attributes }).catch(({ code, message }) => `${code}: ${message}`),
          { timeout: 10_000 },
        )
        .toMatch(/^ACCESS_DENIED: .*it refuses the TLS client certificate \(alert unknown ca\)/)
    } finally {
      proxy.kill('SIGKILL')
      await once(proxy, 'close')
    }
  })
})

test('the addresses of the API server are known from the first call on, by whatever name', async () => {
  const { port } = new URL(cluster.url)
  const literal = connect(byToken(), { addresses: ['10.96.0.1'] })
  expect(literal.addresses()).toEqual(['10.96.0.1'])
  await literal.acquireLease({ attributes })
  expect(literal.addresses()).toEqual(['10.96.0.1', '127.0.0.1'])
  const named = connect({ ...byToken(), apiUrl: `https://localhost:${port}` })
  await named.acquireLease({ attributes })
  expect(named.addresses()).toContain('127.0.0.1')
})

describe('a CA', () => {
  test('that did not sign the server’s certificate is an error that says so, until its file is corrected', async () => {
    const other = await certificateAuthority(cluster.folder, 'another-authority')
    const caFile = join(cluster.folder, 'rotated-ca.crt')
    await writeFile(caFile, await readFile(other.certFile))
    const manager = connect({ apiUrl: cluster.url, caFile, tokenFile: cluster.tokenFile })
    const failure = expect(manager.acquireLease({ attributes })).rejects
    await failure.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await failure.toThrow(
      /its certificate is not valid \(.*(certificate|signature).*\): check it, and the certificate authority/,
    )
    await appendFile(caFile, await readFile(cluster.authority.certFile))
    await expectToWork(manager)
  })

  test('in a file that does not exist is an error that names it', async () => {
    const manager = connect({
      apiUrl: cluster.url,
      caFile: '/nonexistent/ca.crt',
      tokenFile: cluster.tokenFile,
    })
    await expect(manager.acquireLease({ attributes })).rejects.toThrow('/nonexistent/ca.crt')
    expect((await getNode(cluster, 'worker-1')).metadata.annotations).toBeUndefined()
  })
})
