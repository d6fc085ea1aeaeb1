#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "log.h"

int secret_file_read(const char *what, const char *path, char *text, size_t size)
{
    struct stat status;
    ssize_t got = 1;
    size_t length = 0;
    int err = ERR_CONFIG;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (file < 0 || fstat(file, &status) < 0) {
        log_error("%s %s: %s", what, path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(status.st_mode) || (status.st_mode & S_IRWXO) != 0) {
        log_error("%s %s: must be a regular file with nothing allowed to others: chmod 0640", what,
                  path);
        goto out;
    }
    while (length < size - 1 && got > 0) {
        got = read(file, text + length, size - 1 - length);
        if (got > 0)
            length += (size_t)got;
    }
    text[length] = '\0';
    if (got < 0 || length == size - 1 || strlen(text) != length) {
        log_error("%s %s: cannot be read, too large, or not text", what, path);
        goto out;
    }
    err = 0;
out:
    if (file >= 0)
        close(file);
    return err;
}
