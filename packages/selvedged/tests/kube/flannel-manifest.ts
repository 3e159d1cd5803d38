/** flannel's own manifests, by their names, labels, commands, mounts and probes. */

const namespace = 'kube-flannel'

type Labels = Readonly<Record<string, string>>

/** What differs between the versions of the manifest, each as of the first release that has it. */
interface Version {
  /** Labels of everything. */
  readonly common?: Labels
  readonly nodeVerbs?: readonly string[]
  readonly clusterCidrs?: boolean
  readonly networkConfig?: object
  readonly installConf?: object
  readonly container?: object
  readonly env?: readonly object[]
}

const DEFAULTS = {
  common: {},
  nodeVerbs: ['get', 'list', 'watch'],
  clusterCidrs: false,
  networkConfig: { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } },
  installConf: {
    command: ['cp'],
    args: ['-f', '/etc/kube-flannel/cni-conf.json', '/etc/cni/net.d/10-flannel.conflist'],
  },
  container: {
    args: ['--ip-masq', '--kube-subnet-mgr'],
    resources: { requests: { cpu: '100m', memory: '50Mi' } },
  },
  env: [],
} satisfies Required<Version>

const limited = {
  ...DEFAULTS.container,
  resources: { ...DEFAULTS.container.resources, limits: { cpu: '100m', memory: '50Mi' } },
}
const labelled = { common: { 'k8s-app': 'flannel' } }
const withNftables = {
  ...labelled,
  networkConfig: { Network: '10.244.0.0/16', EnableNFTables: false, Backend: { Type: 'vxlan' } },
}
const withoutCache = { ...withNftables, env: [{ name: 'CONT_WHEN_CACHE_NOT_READY', value: 'false' }] }
const withInstaller = {
  ...withoutCache,
  installConf: {
    command: ['/opt/bin/install-conf'],
    args: ['/etc/kube-flannel/cni-conf.json', '/etc/cni/net.d/10-flannel.conflist'],
  },
}
const withProbes = {
  ...withInstaller,
  container: {
    ...DEFAULTS.container,
    args: ['--ip-masq', '--kube-subnet-mgr', '--healthz-port=8081'],
    ports: [{ name: 'healthz', containerPort: 8081, protocol: 'TCP' }],
    livenessProbe: probe('/healthz', 10, 30),
    readinessProbe: probe('/readyz', 5, 10),
  },
}

const VERSIONS = {
  'v0.20.0': { nodeVerbs: ['list', 'watch'], container: limited },
  'v0.20.2': { container: limited },
  'v0.21.0': { clusterCidrs: true },
  'v0.21.5': { ...labelled, clusterCidrs: true },
  'v0.25.0': withNftables,
  'v0.27.1': withoutCache,
  'v0.28.6': withInstaller,
  'v0.28.9': withProbes,
} satisfies Record<string, Version>

export type FlannelVersion = keyof typeof VERSIONS

/**
 * The objects of a version's manifest.
 *
 * @param source the file in flannel's repository, or the one that `kubectl kustomize` makes for a release: with a label
 *   added to everything, selectors included
 */
export function flannelManifest(
  version: FlannelVersion,
  source: 'repository' | 'release',
): readonly object[] {
  const { common, nodeVerbs, clusterCidrs, networkConfig, installConf, container, env }: Required<Version> = {
    ...DEFAULTS,
    ...VERSIONS[version],
  }
  const added: Labels = source === 'release' ? { 'k8s-app': 'flannel' } : {}
  const app: Labels = { app: 'flannel', tier: 'node' }
  const metadata = (name: string, labels: Labels = {}) => {
    const all = { ...common, ...added, ...labels }
    return Object.keys(all).length === 0 ? { name } : { name, labels: all }
  }
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: metadata(namespace, { 'pod-security.kubernetes.io/enforce': 'privileged' }),
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: metadata('flannel'),
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
        { apiGroups: [''], resources: ['nodes'], verbs: nodeVerbs },
        { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
        ...(clusterCidrs
          ? [{ apiGroups: ['networking.k8s.io'], resources: ['clustercidrs'], verbs: ['list', 'watch'] }]
          : []),
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: metadata('flannel'),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'flannel' },
      subjects: [{ kind: 'ServiceAccount', name: 'flannel', namespace }],
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...metadata('flannel'), namespace } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...metadata('kube-flannel-cfg', app), namespace },
      data: {
        'cni-conf.json': JSON.stringify(CNI_CONFIG),
        'net-conf.json': JSON.stringify(networkConfig),
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { ...metadata('kube-flannel-ds', app), namespace },
      spec: {
        selector: { matchLabels: { app: 'flannel', ...added } },
        template: {
          metadata: { labels: { ...app, ...added } },
          spec: podSpec(version, installConf, container, env),
        },
      },
    },
  ]
}

const CNI_CONFIG = {
  name: 'cbr0',
  cniVersion: '0.3.1',
  plugins: [
    { type: 'flannel', delegate: { hairpinMode: true, isDefaultGateway: true } },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
}

const LINUX = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: 'kubernetes.io/os', operator: 'In', values: ['linux'] }] },
      ],
    },
  },
}

function podSpec(
  version: FlannelVersion,
  installConf: object,
  container: object,
  env: readonly object[],
): object {
  return {
    affinity: LINUX,
    hostNetwork: true,
    priorityClassName: 'system-node-critical',
    serviceAccountName: 'flannel',
    tolerations: [{ effect: 'NoSchedule', operator: 'Exists' }],
    initContainers: [
      {
        name: 'install-cni-plugin',
        image: 'flannel-cni-plugin:v1',
        command: ['cp'],
        args: ['-f', '/flannel', '/opt/cni/bin/flannel'],
        volumeMounts: [mount('cni-plugin', '/opt/cni/bin')],
      },
      {
        name: 'install-cni',
        image: `flannel:${version}`,
        ...installConf,
        volumeMounts: [mount('cni', '/etc/cni/net.d'), mount('flannel-cfg', '/etc/kube-flannel/')],
      },
    ],
    containers: [
      {
        name: 'kube-flannel',
        image: `flannel:${version}`,
        command: ['/opt/bin/flanneld'],
        ...container,
        env: [
          fromField('POD_NAME', 'metadata.name'),
          fromField('POD_NAMESPACE', 'metadata.namespace'),
          { name: 'EVENT_QUEUE_DEPTH', value: '5000' },
          ...env,
        ],
        securityContext: { privileged: false, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
        volumeMounts: [
          mount('run', '/run/flannel'),
          mount('flannel-cfg', '/etc/kube-flannel/'),
          mount('xtables-lock', '/run/xtables.lock'),
        ],
      },
    ],
    volumes: [
      hostPath('run', '/run/flannel'),
      hostPath('cni-plugin', '/opt/cni/bin'),
      hostPath('cni', '/etc/cni/net.d'),
      { name: 'flannel-cfg', configMap: { name: 'kube-flannel-cfg' } },
      hostPath('xtables-lock', '/run/xtables.lock', 'FileOrCreate'),
    ],
  }
}

function probe(path: string, initialDelaySeconds: number, periodSeconds: number): object {
  return { httpGet: { path, port: 'healthz' }, initialDelaySeconds, periodSeconds }
}

function hostPath(name: string, path: string, type?: string): object {
  return { name, hostPath: { path, ...(type && { type }) } }
}

function mount(name: string, mountPath: string): object {
  return { name, mountPath }
}

function fromField(name: string, fieldPath: string): object {
  return { name, valueFrom: { fieldRef: { fieldPath } } }
}
