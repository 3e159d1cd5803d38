/** `selvedge doctor` on a node of Kubernetes. */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { examine, report, type Score } from '../cli/doctor/examine.js'
import { type Cluster, kubernetesFaults } from '../cli/doctor/faults/kubernetes.js'
import { prepare, Ward } from '../cli/doctor/ward.js'
import { vxlanConfig } from '../rig.js'
import { controlSocketOf, filesOf } from '../selvedged.js'
import { KubeRig } from './kube-rig.js'

const HEALTHY_RUNS = Number(process.env.DOCTOR_RUNS ?? 2)

let cluster: Cluster
let ward: Ward
const scores: Score[] = []

beforeAll(async () => {
  const rig = await KubeRig.create(vxlanConfig, { hosts: 2 })
  const [host] = rig.lab.hosts
  if (host === undefined) throw new Error('two hosts are needed')
  const options = { args: ['--ip-masq'] }
  const { agents } = await rig.joinAll((index) => [`10.244.${index + 1}.0/24`], options)
  const [agent] = agents
  if (agent === undefined) throw new Error('no agent')
  await rig.cluster.kubectl('create', 'clusterrole', 'reader', '--verb=get,list', '--resource=nodes')
  await rig.cluster.kubectl('create', 'clusterrolebinding', 'reader', '--clusterrole=reader', '--user=reader')
  const copy = await rig.cluster.adminKubeconfig()
  cluster = {
    rig,
    agent,
    peerSubnet: '10.244.2.0/24',
    reader: await rig.kubeconfigFor('reader'),
    copy,
    async startAgent() {
      cluster.agent = rig.start(0, options)
      await cluster.agent.inSync()
      await cluster.agent.ready()
    },
  }
  const { subnetFile, leaseCache } = filesOf(rig.lab, host)
  await mkdir(dirname(subnetFile), { recursive: true })
  const flags = [
    `--subnet-file=${subnetFile}`,
    `--lease-cache=${leaseCache}`,
    `--control-socket=${controlSocketOf(subnetFile)}`,
    '--iptables-forward-rules=false',
    ...options.args,
  ]
  const parts = await prepare(rig.lab, host, [...rig.storeFlags, ...flags])
  ward = Ward.of({ ...parts, variables: [`NODE_NAME=${host.name}`] })
})

afterAll(async () => {
  console.log(report(scores))
  await cluster?.rig[Symbol.asyncDispose]()
})

test(`nothing is found in ${HEALTHY_RUNS} runs while nothing is wrong`, async () => {
  for (let run = 0; run < HEALTHY_RUNS; run += 1) {
    expect(await ward.doctor()).toMatchObject({ findings: [], status: 0, stderr: '' })
  }
}, 600_000)

test.each(kubernetesFaults(() => cluster))('$name: $id', async (fault) => {
  const why = await fault.whyNot?.(ward)
  if (why !== undefined) {
    console.warn(`not injected here, since ${why}: ${fault.name}`)
    return
  }
  scores.push(await examine(ward, fault))
})
