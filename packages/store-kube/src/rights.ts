import type { StoreRight } from '@selvedge/core'
import type { KubeApi, PodReference } from './client/index.js'

/** Something that a role allows or not. */
interface Action {
  readonly verb: 'get' | 'list' | 'watch' | 'patch'
  /** The plural, such as `nodes`. */
  readonly resource: string
  readonly subresource?: string
  readonly namespace?: string
  /** Of one object: a role may allow the action for this one alone. Absent: for all of them. */
  readonly name?: string | undefined
}

const PATH = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'

/**
 * Asks the API server for each right that a node's requests need (SelfSubjectAccessReview), which every user may by the default
 * role `system:basic-user`. Changes nothing.
 *
 * @param node how the store was told its node: by name, or by a pod on it
 */
export function askRights(
  api: Pick<KubeApi, 'fetchJson'>,
  node: string | PodReference,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<readonly StoreRight[]> {
  return Promise.all(
    actionsFor(node).map(async (action) => {
      const review = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: action },
      }
      const body = { type: 'application/json', text: JSON.stringify(review) }
      const answer = await api.fetchJson({ method: 'POST', path: PATH, body, ...options })
      return right(action, Object(Object(answer).status).allowed === true)
    }),
  )
}

/** Of verbs, resources and subresources what the agent's ClusterRole has. */
function actionsFor(node: string | PodReference): readonly Action[] {
  const isPod = typeof node !== 'string'
  const name = isPod ? undefined : node
  return [
    ...(isPod
      ? [{ verb: 'get', resource: 'pods', namespace: node.podNamespace, name: node.podName } as const]
      : []),
    { verb: 'get', resource: 'nodes', name },
    { verb: 'list', resource: 'nodes' },
    { verb: 'watch', resource: 'nodes' },
    { verb: 'patch', resource: 'nodes', subresource: 'status', name },
  ]
}

function right({ verb, resource, subresource, namespace, name }: Action, isAllowed: boolean): StoreRight {
  const what = subresource === undefined ? resource : `${resource}/${subresource}`
  const which = name === undefined ? '' : ` (${namespace === undefined ? '' : `${namespace}/`}${name})`
  const role = namespace === undefined ? 'clusterrole NAME' : `role NAME --namespace=${namespace}`
  return {
    does: `${verb} ${what}${which}`,
    isAllowed,
    remedy: `kubectl create ${role} --verb=${verb} --resource=${what}, and bind it to the agent's service account, as the deployment does`,
  }
}
