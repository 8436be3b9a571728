/* Each fsync and fdatasync takes 2 ms more: a disk that is slower than this one. Preloaded by slow-disk.ts. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static const struct timespec more = {0, 2000000};

static int then(const char *name, int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  nanosleep(&more, 0);
  return real(fd);
}

int fsync(int fd) { return then("fsync", fd); }
int fdatasync(int fd) { return then("fdatasync", fd); }
