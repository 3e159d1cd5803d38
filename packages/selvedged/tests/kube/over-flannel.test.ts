import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { documentBlock, KubeCluster } from '@selvedge/lab'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  daemonSet,
  KUBERNETES,
  kustomize,
  readmeShell,
  removeDeployment,
  stateOf,
  writeMyCluster,
} from './deployment.js'
import { type FlannelVersion, flannelManifest } from './flannel-manifest.js'

let cluster: KubeCluster

type Source = 'repository' | 'release'

/** Which of ours goes over which of flannel's. */
const OURS = { repository: 'base', release: 'release' } as const

/** The selectors by which the README tells them apart. */
const SELECTORS = {
  repository: '{"app":"flannel"}',
  release: '{"app":"flannel","k8s-app":"flannel"}',
} as const

/** Files with what ours make of a cluster without flannel. */
const ours = new Map<Source, { readonly file: string; readonly state: Record<string, unknown> }>()

/** Runs commands of the README. */
let shell: (block: string) => Promise<string>
/** What the README's kustomization makes of a cluster without flannel. */
let myCluster: Record<string, unknown>

beforeAll(async () => {
  cluster = await KubeCluster.start()
  for (const source of ['repository', 'release'] as const) {
    const file = join(cluster.folder, `${source}.yml`)
    await writeFile(file, await kustomize(`${KUBERNETES}${OURS[source]}`))
    await cluster.kubectl('apply', '--filename', file)
    ours.set(source, { file, state: await stateOf(cluster) })
    await removeDeployment(cluster)
  }
  await writeMyCluster(cluster.folder)
  shell = await readmeShell(cluster.folder, cluster)
  await shell(documentBlock('deploy/kubernetes/README.md', 'kubectl apply -k'))
  myCluster = await stateOf(cluster)
  await removeDeployment(cluster)
})

afterAll(() => cluster.stop())

beforeEach(() => removeDeployment(cluster))

async function flannelFile(version: FlannelVersion, source: Source): Promise<string> {
  const file = join(cluster.folder, 'flannel.json')
  const items = flannelManifest(version, source)
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  return file
}

describe.each<[FlannelVersion, Source]>([
  ['v0.20.0', 'repository'],
  ['v0.20.2', 'repository'],
  ['v0.21.0', 'release'],
  ['v0.21.5', 'repository'],
  ['v0.25.0', 'release'],
  ['v0.27.1', 'repository'],
  ['v0.28.6', 'release'],
  ['v0.28.9', 'repository'],
  ['v0.28.9', 'release'],
])('over the manifest of flannel %s from its %s', (version, source) => {
  test('ours is applied, and flannel’s over it, without a trace of the other', async () => {
    const flannels = await flannelFile(version, source)
    const { file, state } = ours.get(source) ?? { file: '' }
    await cluster.kubectl('apply', '--filename', flannels)
    const selector = documentBlock('deploy/kubernetes/README.md', 'kubectl -n kube-flannel get daemonset')
    expect(await shell(selector)).toBe(SELECTORS[source])
    const before = await stateOf(cluster)
    const { uid } = (await daemonSet(cluster)).metadata
    await cluster.kubectl('apply', '--filename', file)
    expect(await stateOf(cluster)).toEqual(state)
    await cluster.kubectl('apply', '--filename', flannels)
    expect(await stateOf(cluster)).toEqual(before)
    // The DaemonSet is the same one all the while: its pods are replaced one after the other.
    expect((await daemonSet(cluster)).metadata.uid).toBe(uid)
  })
})

test('over a manifest that was created and never applied, ours replaces it, and flannel’s is applied over that', async () => {
  const flannels = await flannelFile('v0.20.2', 'repository')
  await cluster.kubectl('apply', '--filename', flannels)
  const before = await stateOf(cluster)
  await removeDeployment(cluster)
  await cluster.kubectl('create', '--filename', flannels).catch(ignoreNamespace)
  await shell(documentBlock('deploy/kubernetes/README.md', 'kubectl kustomize deploy/my-cluster'))
  expect(await stateOf(cluster)).toEqual(myCluster)
  await cluster.kubectl('apply', '--filename', flannels)
  expect(await stateOf(cluster)).toEqual(before)
})

/** The namespace of an earlier test is still there. */
function ignoreNamespace(error: Error & { stderr?: string }): void {
  expect(error.stderr?.trim().split('\n')).toEqual([
    expect.stringContaining('namespaces "kube-flannel" already exists'),
  ])
}

test('kubectl applies it in one command', async () => {
  await cluster.kubectl('apply', '--filename', await flannelFile('v0.28.9', 'repository'))
  await shell(documentBlock('deploy/kubernetes/README.md', 'kubectl apply -k'))
  expect(await stateOf(cluster)).toEqual(myCluster)
})

test('the other selector is refused, and nothing of the DaemonSet changes', async () => {
  await cluster.kubectl('apply', '--filename', await flannelFile('v0.28.9', 'release'))
  const { daemonSet: before } = await stateOf(cluster)
  const { file } = ours.get('repository') ?? { file: '' }
  await expect(cluster.kubectl('apply', '--filename', file)).rejects.toThrow(/selector.*immutable/)
  expect((await stateOf(cluster)).daemonSet).toEqual(before)
})
