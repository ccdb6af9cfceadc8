/** What a chunk takes of an element: its cells' rows, its genes' rows, both axes, all of it, or the cells of raw. */
export type Divided = 'cells' | 'genes' | 'cells and genes' | 'no' | 'raw';

export interface PlannedElement {
  /** Path in the input. */
  readonly from: string;
  /** Path in a chunk. */
  readonly to: string;
  readonly divided: Divided;
}

export interface CarryPlanRequest {
  /** Names in a group of the input: "layers", "obsm", "raw/varm"...; empty where there is no such group. */
  keys(group: string): readonly string[];
  /** The element that the counts are. */
  readonly counts: string;
  /** Whose genes the counts have: those of var, of raw/var, or both have the same. */
  readonly genesAre: 'var' | 'raw' | 'both';
  readonly hasX: boolean;
}

/** Says of everything that is neither counts, obs nor var whether chunks take it over, or why not. */
export function planCarried(request: CarryPlanRequest): (PlannedElement | { element: string; reason: string })[] {
  const { keys, counts, hasX } = request;
  const each = (group: string, divided: Divided): PlannedElement[] =>
    keys(group).map((key) => ({ from: `${group}/${key}`, to: `${group}/${key}`, divided }));
  const left = (group: string, reason: string) => keys(group).map((key) => ({ element: `${group}/${key}`, reason }));
  return [
    ...(hasX && counts !== 'X'
      ? [{ element: 'X', reason: `${counts} holds the raw counts; X is normalised anew` }]
      : []),
    ...plannedLayers(request),
    ...each('obsm', 'cells'),
    ...plannedVarm(request),
    ...left('obsp', 'it relates cells of different chunks'),
    ...left('varp', 'every chunk would repeat the whole matrix'),
    ...each('uns', 'no'),
    ...(counts !== 'raw/X' && keys('raw').length > 0 ? [{ from: 'raw', to: 'raw', divided: 'raw' as const }] : []),
  ];
}

function plannedLayers({ keys, counts, genesAre }: CarryPlanRequest) {
  return keys('layers')
    .map((key) => `layers/${key}`)
    .filter((path) => path !== counts)
    .map((path) => {
      if (path === 'layers/counts') return { element: path, reason: `layers/counts of chunks is made of ${counts}` };
      if (genesAre === 'raw')
        return { element: path, reason: 'its columns are the genes of var, chunks have those of raw' };
      return { from: path, to: path, divided: 'cells and genes' as const };
    });
}

/** raw has a varm of its own; where its genes are those of var, too, the one of var is preferred. */
function plannedVarm({ keys, genesAre }: CarryPlanRequest) {
  const own = keys('varm');
  const ofRaw = genesAre === 'var' ? [] : keys('raw/varm').filter((key) => genesAre === 'raw' || !own.includes(key));
  return [
    ...own.map((key) =>
      genesAre === 'raw'
        ? { element: `varm/${key}`, reason: 'its rows are the genes of var, chunks have those of raw' }
        : { from: `varm/${key}`, to: `varm/${key}`, divided: 'genes' as const },
    ),
    ...ofRaw.map((key) => ({ from: `raw/varm/${key}`, to: `varm/${key}`, divided: 'genes' as const })),
  ];
}
