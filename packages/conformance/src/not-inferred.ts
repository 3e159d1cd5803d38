/**
 * `T`, from which nothing is inferred: what a `teardown` takes says nothing about what `setup` makes, so that one written for
 * every store takes any. TypeScript 5.4 has this as `NoInfer`; declarations here are for 5.2 too.
 */
export type NotInferred<T> = [T][T extends unknown ? 0 : never]
