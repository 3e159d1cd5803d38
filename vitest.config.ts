import { fileURLToPath } from 'node:url'
import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { etcd35 } from './scripts/etcd.mjs'

/** Tests run on the sources: no build stands between an edit and its test. */
const alias = [
  { find: '@selvedge/lab', replacement: fileURLToPath(new URL('./lab/src/index.ts', import.meta.url)) },
  {
    find: /^@selvedge\/([a-z0-9-]+)\/([a-z-]+)$/,
    replacement: `${fileURLToPath(new URL('./packages/', import.meta.url))}$1/src/$2.ts`,
  },
  {
    find: /^@selvedge\/([a-z0-9-]+)$/,
    replacement: `${fileURLToPath(new URL('./packages/', import.meta.url))}$1/src/index.ts`,
  },
]

/** What needs a Kubernetes API server, which scripts/kube-apiserver.mjs builds. */
const kube = 'packages/*/tests/kube/**/*.test.ts'

/** Waits for most of a minute, whatever etcd is behind it: once is enough, in the project `etcd-3.5`. */
const partition = 'packages/store-etcd/tests/partition.test.ts'

/**
 * Run on Debian 12's kernel as well (scripts/test-kernel.mjs): what the kernel here may be unable to carry, and netlink, since
 * no two kernels speak quite the same. Not dataplane-linux's master test: its clock runs faster than an emulated machine.
 */
const onDebianKernel = [
  'packages/dataplane-linux/tests/{conformance,links,netlink,routes,watch}.test.ts',
  'packages/selvedged/tests/{ipip,probe-tunnels,cli/trace-tunnels}.test.ts',
  'lab/tests/{ipip,ipsec,wireguard}*.test.ts',
  'lab/tests/examples.test.ts',
]

/**
 * How many files run at a time: the system tests mostly wait, each in namespaces or on ports of its own, but by default vitest
 * keeps one of two processors to itself. Three at a time take a fifth less time, and starve some of what they wait for: of three
 * whole runs two failed. The same for all projects: others would need a turn of their own.
 */
const WORKERS = 2

/** In an emulated machine, several times slower. */
const kernelProject = {
  resolve: { alias },
  test: {
    name: 'kernel-6.1',
    include: onDebianKernel,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    maxWorkers: WORKERS,
  },
}

/** Those that take longest, as `npm test` reports them, in this order: none of them is left for the end, when others have ended. */
const FIRST = [
  'selvedged/tests/cli/doctor/doctor.test.ts',
  'selvedged/tests/cli/store.test.ts',
  'store-kube/tests/kube/faults.test.ts',
  'selvedged/tests/cli/plan-backends.test.ts',
  'selvedged/tests/host/deb.test.ts',
  'selvedged/tests/kube/traffic.test.ts',
  'selvedged/tests/cli/doctor/kinds.test.ts',
  'selvedged/tests/image/image.test.ts',
  'store-etcd/tests/partition.test.ts',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = FIRST.findIndex((path) => moduleId.endsWith(path))
      return index < 0 ? FIRST.length : index
    }
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  resolve: { alias },
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      ...(process.env.SELVEDGE_TEST_KERNEL === undefined ? [] : [kernelProject]),
      {
        resolve: { alias },
        test: {
          name: 'unit',
          include: [
            'packages/*/src/**/*.test.ts',
            'lab/src/**/*.test.ts',
            'examples/**/*.test.ts',
            'tests/**/*.test.ts',
            'site/*.test.mjs',
          ],
          // A test that hangs is found as well. Beside a system test each has a part of a processor.
          testTimeout: 20_000,
          maxWorkers: WORKERS,
          // Modules do no work when they are imported: 340 files need not import each again, which took most of the time.
          isolate: false,
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'system',
          include: ['packages/*/tests/**/*.test.ts', 'lab/tests/**/*.test.ts'],
          exclude: [...configDefaults.exclude, kube, partition],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: WORKERS,
        },
      },
      {
        // The system tests of the store run on the machine's etcd; these are the same on another.
        resolve: { alias },
        test: {
          name: 'etcd-3.5',
          include: ['packages/store-etcd/tests/**/*.test.ts'],
          env: { SELVEDGE_TEST_ETCD: etcd35 },
          maxWorkers: WORKERS,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'kube',
          include: [kube],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: WORKERS,
        },
      },
    ],
  },
})
