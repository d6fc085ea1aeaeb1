/* Memory that lives as long as a request: allocated piece by piece, given back all at once.
 *
 * Running out of memory ends the process with a log line (the master starts another): no caller has
 * to handle NULL. Pieces are aligned for any type. */
#ifndef PERCH_ARENA_H
#define PERCH_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
};

void arena_init(struct arena *arena);

/* Gives back everything but one block of the default size (16 KiB), so a busy worker does not call
 * malloc. */
void arena_reset(struct arena *arena);

void arena_release(struct arena *arena);

/* Not zeroed. Never NULL, also for size 0. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, returns_nonnull));

/* A NUL-terminated copy of `length` bytes. */
char *arena_copy(struct arena *arena, const char *bytes, size_t length);

char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
