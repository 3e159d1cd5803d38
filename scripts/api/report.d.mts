export declare function apiReports(root: string): ReadonlyMap<string, string>
