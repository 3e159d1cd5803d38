/** flannel's own manifests, by their names, labels, commands, mounts and probes. */

const namespace = 'kube-flannel'

type Labels = Readonly<Record<string, string>>

interface Version {
  /** Labels of everything. */
  readonly common: Labels
  /** Labels of everything in a release, which also selects pods by them. */
  readonly released: Labels
  readonly installConf: object
  readonly container: object
}

const VERSIONS = {
  'v0.20.2': {
    common: {},
    // Before v0.22.0 a release had the manifest of the repository.
    released: {},
    installConf: {
      command: ['cp'],
      args: ['-f', '/etc/kube-flannel/cni-conf.json', '/etc/cni/net.d/10-flannel.conflist'],
    },
    container: {
      args: ['--ip-masq', '--kube-subnet-mgr'],
      resources: { requests: { cpu: '100m', memory: '50Mi' }, limits: { cpu: '100m', memory: '50Mi' } },
    },
  },
  'v0.28.9': {
    common: { 'k8s-app': 'flannel' },
    released: { 'k8s-app': 'flannel' },
    installConf: {
      command: ['/opt/bin/install-conf'],
      args: ['/etc/kube-flannel/cni-conf.json', '/etc/cni/net.d/10-flannel.conflist'],
    },
    container: {
      args: ['--ip-masq', '--kube-subnet-mgr', '--healthz-port=8081'],
      ports: [{ name: 'healthz', containerPort: 8081, protocol: 'TCP' }],
      livenessProbe: probe('/healthz', 10, 30),
      readinessProbe: probe('/readyz', 5, 10),
      resources: { requests: { cpu: '100m', memory: '50Mi' } },
    },
  },
} satisfies Record<string, Version>

export type FlannelVersion = keyof typeof VERSIONS

/** The objects of a version's manifest, as its repository or its release page has it. */
export function flannelManifest(
  version: FlannelVersion,
  source: 'repository' | 'release',
): readonly object[] {
  const { common, released, installConf, container }: Version = VERSIONS[version]
  const selected: Labels = { app: 'flannel', ...(source === 'release' && released) }
  const app: Labels = { app: 'flannel', tier: 'node' }
  const metadata = (name: string, labels: Labels = {}) => ({ name, labels: { ...common, ...labels } })
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
        { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
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
        'cni-conf.json': '{}',
        'net-conf.json': '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}',
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { ...metadata('kube-flannel-ds', app), namespace },
      spec: {
        selector: { matchLabels: selected },
        template: {
          metadata: { labels: { ...app, ...selected } },
          spec: podSpec(version, installConf, container),
        },
      },
    },
  ]
}

function podSpec(version: FlannelVersion, installConf: object, container: object): object {
  return {
    hostNetwork: true,
    priorityClassName: 'system-node-critical',
    serviceAccountName: 'flannel',
    tolerations: [{ effect: 'NoSchedule', operator: 'Exists' }],
    initContainers: [
      {
        name: 'install-cni-plugin',
        image: 'flannel-cni-plugin',
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
