/** A route as the API has it. */
export interface CloudRoute {
  RouteId: number
  RouteItemId: string
  DestinationCidrBlock: string
  DestinationIpv6CidrBlock: string
  GatewayType: string
  GatewayId: string
  RouteDescription: string
  Enabled: boolean
  RouteType: string
}

export interface CloudTable {
  readonly id: string
  readonly main: boolean
  readonly subnets: string[]
  routes: CloudRoute[]
}

/** How the API refuses. */
export class Refusal extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

type Parameters = Readonly<Record<string, unknown>>

/** One VPC with its route tables: what the actions of API 3.0 do to it, as far as the backend uses them. */
export class CloudVpc {
  readonly id = 'vpc-lab'
  /** Its own network, by the octets that its addresses begin with; pods' networks must be outside. */
  readonly prefix: string
  readonly tables: CloudTable[] = []
  /** The private addresses in use. */
  readonly addresses = new Set<string>()
  /** How many routes a table may hold. */
  quota = 50
  #lastRoute = 0

  constructor(prefix: string) {
    this.prefix = prefix
    this.tables.push({ id: 'rtb-main', main: true, subnets: [], routes: [] })
    this.add('rtb-main', {
      DestinationCidrBlock: `${prefix}0.0/16`,
      GatewayType: 'LOCAL',
      RouteType: 'SYSTEM',
    })
  }

  table(id: unknown): CloudTable {
    const table = this.tables.find((one) => one.id === id)
    if (table === undefined) throw new Refusal('ResourceNotFound', `The route table ${id} does not exist.`)
    return table
  }

  /** Adds a route, as the console does, or the system. */
  add(table: string, route: Partial<CloudRoute>): CloudRoute {
    this.#lastRoute += 1
    const added: CloudRoute = {
      RouteId: this.#lastRoute,
      RouteItemId: `rti-${this.#lastRoute}`,
      DestinationCidrBlock: '',
      DestinationIpv6CidrBlock: '',
      GatewayType: 'NORMAL_CVM',
      GatewayId: '',
      RouteDescription: '',
      Enabled: true,
      RouteType: 'USER',
      ...route,
    }
    this.table(table).routes.push(added)
    return added
  }

  /** Carries out an action. Throws a `Refusal`. */
  act(action: string, parameters: Parameters): object {
    switch (action) {
      case 'DescribeRouteTables':
        return this.#describe(parameters)
      case 'CreateRoutes':
        return this.#create(parameters)
      case 'ReplaceRoutes':
        return this.#change(parameters, (table, route, given) => {
          const { DestinationCidrBlock = '', GatewayType = '', GatewayId = '', RouteDescription = '' } = given
          const rival = table.routes.find(
            (one) => one !== route && one.DestinationCidrBlock === DestinationCidrBlock,
          )
          if (rival?.Enabled)
            throw new Refusal('InvalidParameterValue.Duplicate', `${DestinationCidrBlock} exists.`)
          Object.assign(route, { DestinationCidrBlock, GatewayType, GatewayId, RouteDescription })
        })
      case 'DeleteRoutes':
        return this.#change(parameters, (table, route) => {
          table.routes = table.routes.filter((one) => one !== route)
        })
      case 'EnableRoutes': {
        const { RouteIds: ids } = parameters
        const Routes = (Array.isArray(ids) ? ids : []).map((RouteId) => ({ RouteId }))
        return this.#change({ ...parameters, Routes }, (_, route) => {
          route.Enabled = true
        })
      }
      case 'DescribeVpcPrivateIpAddresses': {
        const { VpcId, PrivateIpAddresses: asked } = parameters
        if (VpcId !== this.id || !Array.isArray(asked))
          throw new Refusal('InvalidParameter', 'VpcId or addresses')
        const used = asked.filter((address) => this.addresses.has(address))
        return { VpcPrivateIpAddressSet: used.map((PrivateIpAddress) => ({ PrivateIpAddress })) }
      }
      case 'DescribeVpcLimits':
        return { VpcLimitSet: [{ LimitType: 'route-table-max-policies', LimitValue: this.quota }] }
      default:
        throw new Refusal('InvalidAction', `The action ${action} does not exist.`)
    }
  }

  #describe({ Filters, Offset = '0', Limit = '20' }: Parameters): object {
    if (typeof Offset !== 'string' || typeof Limit !== 'string') {
      throw new Refusal('InvalidParameter', 'Offset and Limit are text.')
    }
    if (Number(Limit) > 100) throw new Refusal('InvalidParameterValue.Range', 'Limit is at most 100.')
    const isOurs = JSON.stringify(Filters) === JSON.stringify([{ Name: 'vpc-id', Values: [this.id] }])
    const found = isOurs ? this.tables : []
    return {
      TotalCount: found.length,
      RouteTableSet: found.slice(Number(Offset), Number(Offset) + Number(Limit)).map((table) => ({
        VpcId: this.id,
        RouteTableId: table.id,
        Main: table.main,
        AssociationSet: table.subnets.map((SubnetId) => ({ SubnetId, RouteTableId: table.id })),
        RouteSet: table.routes,
      })),
    }
  }

  #create({ RouteTableId, Routes }: Parameters): object {
    const table = this.table(RouteTableId)
    const routes = routesIn(Routes)
    for (const { DestinationCidrBlock: destination = '', GatewayId = '', GatewayType } of routes) {
      if (destination.startsWith(this.prefix)) {
        throw new Refusal('InvalidParameterValue.VpcCidrConflict', `${destination} is inside of the VPC.`)
      }
      if (table.routes.some((one) => one.DestinationCidrBlock === destination && one.Enabled)) {
        throw new Refusal('InvalidParameterValue.Duplicate', `The route of ${destination} exists.`)
      }
      if (GatewayType === 'NORMAL_CVM' && !this.addresses.has(GatewayId)) {
        throw new Refusal('InvalidParameter.NextHopMismatch', `${GatewayId} is no instance's address.`)
      }
    }
    if (table.routes.length + routes.length > this.quota) {
      throw new Refusal('LimitExceeded', `The table has ${this.quota} routes.`)
    }
    for (const route of routes) this.add(table.id, route)
    return { TotalCount: routes.length }
  }

  #change(
    { RouteTableId, Routes }: Parameters,
    change: (table: CloudTable, route: CloudRoute, given: Partial<CloudRoute>) => void,
  ): object {
    const table = this.table(RouteTableId)
    for (const given of routesIn(Routes)) {
      const route = table.routes.find((one) => one.RouteId === given.RouteId)
      if (route === undefined) throw new Refusal('ResourceNotFound', `There is no route ${given.RouteId}.`)
      if (route.RouteType !== 'USER')
        throw new Refusal('UnsupportedOperation', 'It is a route of the system.')
      change(table, route, given)
    }
    return {}
  }
}

function routesIn(routes: unknown): Partial<CloudRoute>[] {
  if (!Array.isArray(routes) || routes.length === 0)
    throw new Refusal('MissingParameter', 'Routes is missing.')
  return routes
}
