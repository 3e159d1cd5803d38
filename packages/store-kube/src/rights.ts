import type { StoreRight } from '@selvedge/core'
import type { KubeApi } from './client/index.js'

/** What a node does with the API server: of verbs, resources and subresources what the agent's ClusterRole has. */
const NEEDED = [
  { verb: 'get', resource: 'nodes' },
  { verb: 'list', resource: 'nodes' },
  { verb: 'watch', resource: 'nodes' },
  { verb: 'patch', resource: 'nodes', subresource: 'status' },
] as const

const PATH = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'

/** Asks the API server for each right (SelfSubjectAccessReview), which every user may by the default role `system:basic-user`. */
export function askRights(
  api: Pick<KubeApi, 'fetchJson'>,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<readonly StoreRight[]> {
  return Promise.all(
    NEEDED.map(async (attributes): Promise<StoreRight> => {
      const review = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: attributes },
      }
      const body = { type: 'application/json', text: JSON.stringify(review) }
      const answer = await api.fetchJson({ method: 'POST', path: PATH, body, ...options })
      const { verb, resource } = attributes
      const what = 'subresource' in attributes ? `${resource}/${attributes.subresource}` : resource
      return {
        does: `${verb} ${what}`,
        isAllowed: Object(Object(answer).status).allowed === true,
        remedy: `kubectl create clusterrole NAME --verb=${verb} --resource=${what}, and bind it to the agent's service account, as the deployment does`,
      }
    }),
  )
}
