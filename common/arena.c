#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { ARENA_BLOCK_SIZE = 16 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    max_align_t data[];
};

void arena_init(struct arena *arena)
{
    arena->blocks = NULL;
}

static struct arena_block *arena_block_new(size_t size)
{
    struct arena_block *block = NULL;

    if (size <= SIZE_MAX - sizeof(*block))
        block = malloc(sizeof(*block) + size);
    if (!block)
        memory_out("an arena");
    block->next = NULL;
    block->size = size;
    block->used = 0;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    size_t rest = size % sizeof(max_align_t);
    void *piece;

    /* Rounded up to keep the next piece aligned; at least one unit, so that pieces differ. */
    if (size == 0 || (rest > 0 && size <= SIZE_MAX - sizeof(max_align_t)))
        size += sizeof(max_align_t) - rest;

    if (!block || block->size - block->used < size) {
        block = arena_block_new(size > ARENA_BLOCK_SIZE ? size : ARENA_BLOCK_SIZE);
        block->next = arena->blocks;
        arena->blocks = block;
    }
    piece = (char *)block->data + block->used;
    block->used += size;
    return piece;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = NULL;

    while (arena->blocks) {
        struct arena_block *block = arena->blocks;

        arena->blocks = block->next;
        if (!kept && block->size == ARENA_BLOCK_SIZE)
            kept = block;
        else
            free(block);
    }
    if (kept) {
        kept->next = NULL;
        kept->used = 0;
    }
    arena->blocks = kept;
}

void arena_release(struct arena *arena)
{
    arena_reset(arena);
    free(arena->blocks);
    arena->blocks = NULL;
}

char *arena_copy(struct arena *arena, const char *bytes, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);

    if (length > 0)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    int wanted;
    char *text;

    va_start(arguments, format);
    wanted = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (wanted < 0)
        return arena_copy(arena, "", 0);

    text = arena_alloc(arena, (size_t)wanted + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)wanted + 1, format, arguments);
    va_end(arguments);
    return text;
}
