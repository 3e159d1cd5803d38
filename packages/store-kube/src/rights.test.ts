import { describe, expect, it } from 'vitest'
import type { PodReference } from './client/index.js'
import { askRights } from './rights.js'

const BY_POD = { podName: 'agent', podNamespace: 'kube-flannel' }
const options = { signal: new AbortController().signal, timeoutMs: 1_000 }

/** Asks an API server that answers each review with what `statusOf` makes of it. */
const ask = (node: string | PodReference, statusOf: (action: { verb: string }) => unknown) =>
  askRights(
    {
      async fetchJson({ method, path, body }) {
        expect([method, path]).toEqual(['POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'])
        const { kind, spec } = JSON.parse(body?.text ?? '')
        expect(kind).toBe('SelfSubjectAccessReview')
        return { status: statusOf(spec.resourceAttributes) }
      },
    },
    node,
    options,
  )

const denied = async (node: string | PodReference, statusOf: (action: { verb: string }) => unknown) =>
  (await ask(node, statusOf)).filter(({ isAllowed }) => !isAllowed).map(({ does }) => does)

describe('rights', () => {
  it('are missing unless the server says that they are granted', async () => {
    expect(await denied('worker-1', () => ({ allowed: true }))).toEqual([])
    expect(await denied('worker-1', ({ verb }) => ({ allowed: verb === 'list' }))).toEqual([
      'get nodes (worker-1)',
      'watch nodes',
      'patch nodes/status (worker-1)',
    ])
    for (const status of [undefined, null, 'yes', 7, [], {}, { allowed: 'true' }, { allowed: 1 }])
      expect(await denied('worker-1', () => status)).toHaveLength(4)
  })

  it('of a node that is known by its pod alone are those of all nodes, and of that pod', async () => {
    const rights = await ask(BY_POD, () => ({ allowed: false }))
    expect(rights.map(({ does }) => does)).toEqual([
      'get pods (kube-flannel/agent)',
      'get nodes',
      'list nodes',
      'watch nodes',
      'patch nodes/status',
    ])
    expect(rights[0]?.remedy).toMatch(
      /^kubectl create role NAME --namespace=kube-flannel --verb=get --resource=pods,/,
    )
    expect(rights[4]?.remedy).toMatch(
      /^kubectl create clusterrole NAME --verb=patch --resource=nodes\/status,/,
    )
  })
})
