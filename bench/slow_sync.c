/* Makes every sync of a file take longer, as on disks that do not answer from a battery's cache.
 * Loaded by LD_PRELOAD into the servers that are measured; see bench/slow_disk.py. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_longer(void)
{
    const char *ms = getenv("BENCH_SYNC_MS");
    if (ms)
        usleep((useconds_t)(atof(ms) * 1000));
}

int fsync(int file)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_longer();
    return next(file);
}

int fdatasync(int file)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_longer();
    return next(file);
}
