import type { Root } from 'protobufjs'

export function bundleEtcd3(): { readonly name: string }
export function definitions(): Root
