// Compiled into every kernel, so that the build can see how far its own data reaches.

export const ownDataEnd: usize = __heap_base;
