/* Running out of memory ends the process, with a log line, wherever it happens: the master starts
 * another one, and a half-finished answer is never given.
 *
 * That holds for libraries, too. Some of ours mistake a NULL for an empty value and go on (json-c
 * 0.16, libjwt 1.10), or write to it; so memory.c puts itself in front of the C library's malloc(),
 * calloc() and realloc(), for the whole program, and none of them ever returns NULL. A build with
 * AddressSanitizer leaves that to the sanitizer, which does the same. */
#ifndef PERCH_MEMORY_H
#define PERCH_MEMORY_H

#include <stddef.h>

/* `what` wanted the memory. Exits with 1; nothing is flushed or cleaned up. */
_Noreturn void memory_out(const char *what);

/* Zeroed; free() it. */
void *memory_new(size_t size) __attribute__((malloc, returns_nonnull));

#endif
