import { describe, expect, it } from 'vitest';
import { memoryAnnData } from '../../test/memory-anndata.js';
import type { Column } from '../anndata/types.js';
import { identifyGenes } from './gene-identity.js';

const strings = (...values: (string | null)[]): Column => ({ kind: 'strings', values });
const chunk = (genes: string[], columns: Record<string, Column> = {}) =>
  memoryAnnData({ cells: [], genes, var: columns });

describe('identifyGenes', () => {
  it('takes Ensembl ids from the index and strips their versions', async () => {
    const { ids, report } = await identifyGenes(
      chunk(['ENSG00000188976.11', 'ENSG00000187634', 'ENSG00000182378.15_PAR_Y']),
    );
    expect(ids).toEqual(['ENSG00000188976', 'ENSG00000187634', 'ENSG00000182378']);
    expect(report).toEqual({ source: 'index', mapped: 3, missing: 0, dropped: 0, duplicates: 0, versionsStripped: 2 });
  });

  it('takes var.ensembl_id where it has more ids than the index', async () => {
    const genes = chunk(['NOC2L', 'SAMD11', 'ENSG00000000003'], {
      ensembl_id: strings('ENSG00000188976', 'ENSG00000187634', ''),
    });
    const { ids, report } = await identifyGenes(genes);
    expect(ids).toEqual(['ENSG00000188976', 'ENSG00000187634', null]);
    expect(report).toMatchObject({ source: 'ensembl_id', mapped: 2, missing: 1 });
  });

  it('prefers the index where both have the same number of ids', async () => {
    const genes = chunk(['ENSG00000188976', 'x'], { ensembl_id: strings('ENSG00000187634', 'y') });
    expect((await identifyGenes(genes)).ids).toEqual(['ENSG00000188976', null]);
  });

  it('reads a categorical ensembl_id and takes missing values as missing', async () => {
    const ensembl_id: Column = { kind: 'categories', categories: ['ENSG00000188976'], codes: Int32Array.of(-1, 0) };
    const { ids, report } = await identifyGenes(chunk(['a', 'b'], { ensembl_id }));
    expect(ids).toEqual([null, 'ENSG00000188976']);
    expect(report).toMatchObject({ source: 'ensembl_id', missing: 1 });
  });

  it('drops what is no Ensembl id', async () => {
    const { ids, report } = await identifyGenes(chunk(['ERCC-00002', 'ENSG00000188976', 'ENSA']));
    expect(ids).toEqual([null, 'ENSG00000188976', null]);
    expect(report).toMatchObject({ source: 'index', dropped: 2, mapped: 1 });
  });

  it('lets the first of several columns with one id stand for it', async () => {
    const { ids, report } = await identifyGenes(chunk(['ENSG00000188976.1', 'ENSG00000187634', 'ENSG00000188976.2']));
    expect(ids).toEqual(['ENSG00000188976', 'ENSG00000187634', null]);
    expect(report).toMatchObject({ duplicates: 1, mapped: 2 });
  });

  it('maps symbols only where no Ensembl id exists; ENSA is a symbol', async () => {
    const { ids, report } = await identifyGenes(chunk(['NOC2L', 'ENSA', 'NotAGene']));
    expect(ids).toEqual(['ENSG00000188976', 'ENSG00000143420', null]);
    expect(report).toMatchObject({ source: 'symbols', mapped: 2, missing: 1 });
    const mixed = await identifyGenes(chunk(['NOC2L', 'ENSG00000143420']));
    expect(mixed.ids).toEqual([null, 'ENSG00000143420']);
  });
});
