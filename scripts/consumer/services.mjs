/** The servers that a snippet speaks to, at the addresses that the READMEs have. */
import { spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { findKubernetes } from '../kube-apiserver.mjs'
import { runQuietly } from '../terminal.mjs'

const NETWORK = '10.244.0.0/16'

const PATIENCE_MS = 60_000

/** An etcd at the three addresses, with a network config of that Backend section. */
export async function startEtcd(work, { etcd: Backend, tls = false }) {
  const scheme = tls ? 'https' : 'http'
  const urls = ['10.0.0.5', '10.0.0.6', '10.0.0.7'].map((address) => `${scheme}://${address}:2379`)
  const certificates = tls ? await makeCertificates('/etc/etcd', urls) : undefined
  runEtcd(
    work,
    urls,
    certificates === undefined
      ? []
      : [
          `--cert-file=${certificates.cert}`,
          `--key-file=${certificates.key}`,
          `--trusted-ca-file=${certificates.ca}`,
          '--client-cert-auth',
        ],
  )
  const config = JSON.stringify({ Network: NETWORK, ...(Backend.Type !== undefined && { Backend }) })
  const access =
    certificates === undefined
      ? []
      : [`--cacert=${certificates.ca}`, `--cert=${certificates.cert}`, `--key=${certificates.key}`]
  const put = [`--endpoints=${urls[0]}`, ...access, 'put', '/coreos.com/network/config', config]
  await eventually(() => runQuietly('etcdctl', put, { env: { ...process.env, ETCDCTL_API: '3' } }))
}

/**
 * A nats-server with JetStream at the three addresses. The snippet finds no network config; one is written as soon as it has
 * made the bucket, by a message as `nats kv put` sends it, unless the program makes buckets of its own (`nats: 'empty'`).
 */
export async function startNats(work, { nats }) {
  inBackground('nats-server', ['-js', '--store_dir', join(work, 'nats')])
  if (nats === 'empty') return
  const put = ['$KV.selvedge.config', JSON.stringify({ Network: NETWORK })]
  void eventually(() => requestNats('10.0.0.5', 4222, ...put))
}

/** Publishes by NATS' text protocol; resolves once JetStream has stored it. */
function requestNats(host, port, subject, payload) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 1_000 })
    const inbox = '_INBOX.config'
    const size = Buffer.byteLength(payload)
    socket.write('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n')
    socket.write(`SUB ${inbox} 1\r\nPUB ${subject} ${inbox} ${size}\r\n${payload}\r\n`)
    let answer = ''
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text
      if (/"seq":/.test(answer)) resolve()
      else if (/^HMSG|^-ERR/m.test(answer)) reject(new Error(answer))
      else return
      socket.destroy()
    })
    socket.on('timeout', () => socket.destroy(new Error('no answer')))
    socket.on('error', reject).on('close', () => reject(new Error('closed')))
  })
}

/** An API server at 10.96.0.1:443, with a node `worker-1`, as a pod of that node sees it. */
export async function startKubernetes(work) {
  const programs = findKubernetes()
  if (programs === undefined) throw new Error('no kube-apiserver: npm run test:kube builds one')
  const mounted = '/var/run/secrets/kubernetes.io/serviceaccount'
  await mkdir(mounted, { recursive: true })
  await mkdir('/etc/kube-flannel', { recursive: true })
  await writeFile('/etc/kube-flannel/net-conf.json', JSON.stringify({ Network: NETWORK }))
  const { ca, cert, key } = await makeCertificates(join(work, 'pki'), ['https://10.96.0.1:443'])
  await runQuietly('cp', [ca, join(mounted, 'ca.crt')])
  await writeFile(join(mounted, 'token'), 'token')
  await writeFile(join(work, 'users.csv'), 'token,admin,admin,system:masters\n')
  runEtcd(work, ['http://127.0.0.1:2379'], [])
  inBackground(programs.apiserver, [
    '--etcd-servers=http://127.0.0.1:2379',
    '--bind-address=10.96.0.1',
    '--advertise-address=10.96.0.1',
    '--secure-port=443',
    `--cert-dir=${work}`,
    `--tls-cert-file=${cert}`,
    `--tls-private-key-file=${key}`,
    `--token-auth-file=${join(work, 'users.csv')}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${cert}`,
    `--service-account-signing-key-file=${key}`,
    '--service-cluster-ip-range=10.96.0.0/24',
  ])
  const node = {
    metadata: { name: 'worker-1' },
    spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] },
  }
  const authority = await readFile(ca)
  await eventually(() => post('https://10.96.0.1:443/api/v1/nodes', node, authority))
}

function post(url, body, ca) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer token', 'content-type': 'application/json' }
    const sent = request(url, { method: 'POST', ca, headers, timeout: 20_000 }, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === 201) resolve()
        else reject(new Error(`${url} answered ${answer.statusCode}`))
      })
    })
    sent.on('error', reject).on('timeout', () => sent.destroy(new Error(`${url} does not answer`)))
    sent.end(JSON.stringify(body))
  })
}

function runEtcd(work, urls, args) {
  inBackground('etcd', [
    `--data-dir=${join(work, 'etcd')}`,
    `--listen-client-urls=${urls.join(',')}`,
    `--advertise-client-urls=${urls.join(',')}`,
    '--listen-peer-urls=http://127.0.0.1:2380',
    ...args,
  ])
}

/** Ends with this process, the first of its namespace. */
function inBackground(command, args) {
  spawn(command, args, { stdio: 'ignore' }).on('error', (error) => {
    throw error
  })
}

/** A certificate authority, and one certificate for servers and clients. */
async function makeCertificates(folder, urls) {
  await mkdir(folder, { recursive: true })
  const [ca, caKey, cert, key] = ['ca.pem', 'ca.key', 'node.pem', 'node.key'].map((name) =>
    join(folder, name),
  )
  const names = urls.map((url) => `IP:${new URL(url).hostname}`).join(',')
  const fresh = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
  ]
  await runQuietly('openssl', [...fresh, '-subj', '/CN=authority', '-keyout', caKey, '-out', ca])
  const signed = [
    '-CA',
    ca,
    '-CAkey',
    caKey,
    '-addext',
    `subjectAltName=${names}`,
    '-addext',
    'basicConstraints=CA:FALSE',
  ]
  await runQuietly('openssl', [...fresh, ...signed, '-subj', '/CN=node', '-keyout', key, '-out', cert])
  return { ca, cert, key }
}

async function eventually(attempt) {
  const patience = AbortSignal.timeout(PATIENCE_MS)
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (patience.aborted) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
