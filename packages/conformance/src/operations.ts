import type { Operation, Resource } from '@selvedge/core'

export const puts = <R extends readonly Resource[]>(...resources: R): Operation<R[number]>[] =>
  resources.map((resource) => ({ type: 'put', resource }))

export const deletes = <R extends readonly Resource[]>(...resources: R): Operation<R[number]>[] =>
  resources.map((resource) => ({ type: 'delete', resource }))
