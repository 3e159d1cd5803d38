/** The name of the `index`th node. */
export const nodeName = (index: number): string => `node-${String(index).padStart(5, '0')}`

/**
 * A Node as a kubelet of a busy cluster reports it, of about 14 kB: addresses, conditions, 50 images, and what is
 * attached to it. The API server adds managed fields.
 */
export function realisticNode(
  index: number,
  name: string,
  podCidr: string,
  annotations: Record<string, string> = {},
): object {
  const address = `10.${100 + Math.floor(index / 65_536)}.${Math.floor(index / 256) % 256}.${index % 256}`
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'beta.kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'node.kubernetes.io/instance-type': 'm5.4xlarge',
        'topology.kubernetes.io/region': 'eu-central-1',
        'topology.kubernetes.io/zone': `eu-central-1${'abc'[index % 3]}`,
        'example.com/pool': `pool-${index % 20}`,
      },
      annotations: {
        'node.alpha.kubernetes.io/ttl': '300',
        'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
        'csi.volume.kubernetes.io/nodeid': `{"ebs.csi.aws.com":"i-${String(index).padStart(17, '0')}"}`,
        ...annotations,
      },
    },
    spec: { podCIDR: podCidr, podCIDRs: [podCidr], providerID: `aws:///eu-central-1a/i-${index}` },
    status: {
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: name },
        { type: 'InternalDNS', address: `${name}.eu-central-1.compute.internal` },
      ],
      allocatable: resources(15_890),
      capacity: resources(16_000),
      conditions: conditions(),
      daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
      images: images(50),
      nodeInfo: {
        architecture: 'amd64',
        bootID: '1ab6a8f2-7f5e-4d0f-9d4b-4f2f6a4d1d6e',
        containerRuntimeVersion: 'containerd://1.6.20',
        kernelVersion: '5.10.0-28-cloud-amd64',
        kubeProxyVersion: 'v1.20.2',
        kubeletVersion: 'v1.20.2',
        machineID: 'ec2b0b0c2e3f4f5a9d4b4f2f6a4d1d6e',
        operatingSystem: 'linux',
        osImage: 'Debian GNU/Linux 12 (bookworm)',
        systemUUID: 'ec2b0b0c-2e3f-4f5a-9d4b-4f2f6a4d1d6e',
      },
      volumesAttached: Array.from({ length: 8 }, (_, volume) => ({
        name: `kubernetes.io/csi/ebs.csi.aws.com^vol-${index}-${volume}`,
        devicePath: '',
      })),
    },
  }
}

const resources = (cpu: number) => ({
  'attachable-volumes-csi-ebs.csi.aws.com': '25',
  cpu: `${cpu}m`,
  'ephemeral-storage': '95551679124',
  'hugepages-1Gi': '0',
  'hugepages-2Mi': '0',
  memory: '63252128Ki',
  pods: '110',
})

function conditions(): object[] {
  const at = '2024-01-01T00:00:00Z'
  return (
    [
      ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
      ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
      ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
      ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
    ] as const
  ).map(([type, status, reason, message]) => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: at,
    lastTransitionTime: at,
  }))
}

function images(count: number): object[] {
  return Array.from({ length: count }, (_, image) => ({
    names: [
      `registry.example.com/team-${image % 7}/service-${image}@sha256:${String(image).padStart(64, '0123456789abcdef')}`,
      `registry.example.com/team-${image % 7}/service-${image}:v1.${image}.0`,
    ],
    sizeBytes: 100_000_000 + image,
  }))
}
