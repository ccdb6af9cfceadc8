import { describe, expect, it } from 'vitest';
import { memoryAnnData } from '../../test/memory-anndata.js';
import { matchGenes } from './gene-match.js';

const LIST = { name: 'gs', genes: ['ENSG00000000001', 'ENSG00000000002', 'ENSG00000000003', 'ENSG00000000004'] };
const match = (genes: string[], minCoverage = 0) =>
  matchGenes(memoryAnnData({ cells: [], genes }), LIST, { chunkName: 'train/chunk_0', minCoverage });

describe('matchGenes', () => {
  it('places columns in the list and reports coverage', async () => {
    const { positions, report } = await match([
      'ENSG00000000003',
      'ENSG00000009999',
      'ENSG00000000001.4',
      'ERCC-00002',
    ]);
    expect([...positions]).toEqual([2, -1, 0, -1]);
    expect(report).toMatchObject({ listed: 4, found: 2, coverage: 0.5, mapped: 3, dropped: 1 });
  });

  it('refuses zero overlap in the words of the original, with what was looked at', async () => {
    await expect(match(['Gene1', 'Gene2'])).rejects.toMatchObject({
      type: 'InvalidInput',
      retryable: false,
      message: expect.stringMatching(/^Dataset has no genes from the required gene set: .*"Gene1".*gene symbols/),
      remedy: expect.stringContaining('ensembl_id'),
    });
    await expect(match(['ENSG00000009999'])).rejects.toThrow(/no genes from the required gene set.*var index/);
  });

  it('refuses another species and names its prefix', async () => {
    await expect(match(['ENSMUSG00000051951', 'ENSMUSG00000025900', 'ENSG00000000001'])).rejects.toMatchObject({
      type: 'InvalidInput',
      retryable: false,
      message: expect.stringMatching(/Wrong species: 2 of 3 gene ids of train\/chunk_0 begin with ENSMUSG \(mouse\)/),
    });
  });

  it('refuses coverage under the floor', async () => {
    await expect(match(['ENSG00000000001'], 0.25)).resolves.toBeDefined();
    await expect(match(['ENSG00000000001'], 0.26)).rejects.toThrow(/1 of the 4 genes of gs.*min_coverage is 0.26/);
  });
});
