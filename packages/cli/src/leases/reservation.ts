import type { LeaseAttributes } from '@selvedge/core'

/** A reservation in which no node has published anything yet: no agent runs on it. */
export const isReservedOnly = ({ backendType, backendData, backendV6Data }: LeaseAttributes): boolean =>
  backendType === undefined && backendData === undefined && backendV6Data === undefined
