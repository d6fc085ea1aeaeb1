#include "memory.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"

_Noreturn void memory_out(const char *what)
{
    log_error("out of memory: %s", what); /* which wants none */
    _exit(1);
}

void *memory_new(size_t size)
{
    void *memory = calloc(1, size);

    if (!memory)
        memory_out("a structure");
    return memory;
}

#ifndef __SANITIZE_ADDRESS__
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#endif

#ifndef __SANITIZE_ADDRESS__

/* The next one in the order in which libraries are searched: the C library's, or one that was put
 * before it by LD_PRELOAD. */
static void memory_find(const char *name, void *ret_function)
{
    *(void **)ret_function = dlsym(RTLD_NEXT, name);
    if (*(void **)ret_function == NULL)
        memory_out(name);
}

void *malloc(size_t size)
{
    static void *(*next)(size_t);
    void *memory;

    if (!next)
        memory_find("malloc", &next);
    memory = next(size);
    if (!memory && size > 0)
        memory_out("malloc");
    return memory;
}

void *calloc(size_t count, size_t size)
{
    static void *(*next)(size_t, size_t);
    void *memory;

    if (!next)
        memory_find("calloc", &next);
    memory = next(count, size);
    if (!memory && count > 0 && size > 0)
        memory_out("calloc");
    return memory;
}

void *realloc(void *old, size_t size)
{
    static void *(*next)(void *, size_t);
    void *memory;

    if (!next)
        memory_find("realloc", &next);
    memory = next(old, size);
    if (!memory && size > 0)
        memory_out("realloc");
    return memory;
}

#endif
