/** What is wrong with encoded bytes. Decoders know neither file nor array; the reader that catches it adds them. */
export class CorruptData extends Error {}
