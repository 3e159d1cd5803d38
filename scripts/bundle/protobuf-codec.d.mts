import type { Root } from 'protobufjs'

export function codecOf(root: Root): string
