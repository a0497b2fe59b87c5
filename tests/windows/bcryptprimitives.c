/* bcryptprimitives.dll: the random numbers that Rust's library asks Windows for. Wine 8 lacks this library. */
#include <windows.h>

#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T size) {
    return RtlGenRandom(buffer, (ULONG)size);
}
