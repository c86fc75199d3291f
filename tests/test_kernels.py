"""The fast layers compute what torch's do."""

import copy
import platform
import subprocess
import sys

import pytest
import torch
from torch import nn

from ganzoo.training.device import pick_precision
from ganzoo.training.kernels import SWAPS, UpConv2d, Upsample, set_backend_flags, use_fast_cpu_layers


@pytest.mark.parametrize(
    ("layer", "side"),
    [
        (nn.Conv2d(6, 10, 4), 4),
        (nn.Conv2d(6, 10, 4, 2, 1), 8),
        (nn.Conv2d(6, 6, 4, groups=2), 4),
        (nn.ConvTranspose2d(6, 10, 4), 1),
        (nn.ConvTranspose2d(6, 10, 4, bias=False), 1),
        (nn.ConvTranspose2d(6, 10, 4, 2, 1), 4),
        (nn.ConvTranspose2d(6, 10, 4, 2, 1), 1),
        (nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(6, 10, 3, 1, 1, bias=False)), 4),
        (nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(6, 10, 3, 1, 1)), 1),
    ],
)
def test_a_swapped_convolution_has_the_same_results_and_first_and_second_derivatives(layer: nn.Module, side: int) -> None:
    plain = copy.deepcopy(layer).double()
    swapped = copy.deepcopy(plain)
    use_fast_cpu_layers(swapped, torch.device("cpu"))
    kinds = [type(m) for m in swapped] if isinstance(swapped, nn.Sequential) else [type(swapped)]
    assert kinds == ([Upsample, UpConv2d] if isinstance(plain, nn.Sequential) else [SWAPS[type(plain)]])
    x = torch.randn(5, 6, side, side, dtype=torch.float64, requires_grad=True)
    results = []
    for m in (plain, swapped):
        y = m(x)
        (slope,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        results.append([y, slope, *torch.autograd.grad(y.sin().sum() + slope.square().sum(), [x, *m.parameters()])])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    "layers",
    [
        (nn.Upsample(scale_factor=2), nn.Conv2d(6, 6, 3, 1, 0)),
        (nn.Upsample(scale_factor=2), nn.Conv2d(6, 6, 3, 2, 1)),
        (nn.Upsample(scale_factor=2), nn.Conv2d(6, 6, 3, 1, 1, groups=2)),
        (nn.Upsample(scale_factor=2), nn.Conv2d(6, 6, 3, 1, 1, padding_mode="reflect")),
        (nn.Upsample(scale_factor=2), nn.ReLU(), nn.Conv2d(6, 6, 3, 1, 1)),
        (nn.Upsample(scale_factor=3), nn.Conv2d(6, 6, 3, 1, 1)),
        (nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(6, 6, 3, 1, 1)),
    ],
)
def test_a_convolution_after_another_enlargement_stays_as_it_is(layers: tuple[nn.Module, ...]) -> None:
    net = nn.Sequential(*copy.deepcopy(layers))
    x = torch.randn(2, 6, 8, 8)
    before = net(x)
    use_fast_cpu_layers(net, torch.device("cpu"))
    assert not any(isinstance(m, Upsample | UpConv2d) for m in net)
    assert torch.equal(net(x), before)


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5])
def test_dropout_leaves_out_its_share_keeps_the_mean_and_is_seeded(p: float) -> None:
    layer = nn.Sequential(nn.Dropout(p))
    use_fast_cpu_layers(layer, torch.device("cpu"))
    x = torch.ones(400, 1000)
    torch.manual_seed(0)
    first = layer(x)
    torch.manual_seed(0)
    assert torch.equal(first, layer(x))
    assert abs((first == 0).float().mean().item() - p) < 0.005
    assert abs(first.mean().item() - 1) < 0.01
    assert p == 0 or not torch.equal(first, layer(x))
    assert torch.equal(layer.eval()(x), x)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has other ways")
def test_memory_that_was_freed_is_kept_and_taken_again_without_page_faults() -> None:
    code = """
import resource, torch
from ganzoo.training.kernels import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.zeros(2**24)  # 64 MB, 16,384 pages of 4 KB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
before = faults()
keep_freed_memory()
faults()  # the first pieces are new
print(before, faults())
"""
    before, after = map(int, subprocess.check_output([sys.executable, "-c", code]).split())
    assert after < 0.15 * before, "at most one piece of ten is new"


def test_a_gpu_is_told_to_be_fast_or_to_give_the_same_bits(monkeypatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    try:
        for same in (True, False):
            set_backend_flags(torch.device("cuda"), deterministic=same)
            assert torch.are_deterministic_algorithms_enabled() == same
            assert torch.backends.cudnn.benchmark != same
            assert torch.get_float32_matmul_precision() == "high"
        set_backend_flags(torch.device("cpu"), deterministic=True)
        assert not torch.are_deterministic_algorithms_enabled(), "a CPU gives the same bits as it is"
    finally:
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.benchmark = False
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # so that it is taken back


def test_on_a_gpu_nothing_is_swapped() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 4), nn.Dropout())
    use_fast_cpu_layers(net, torch.device("cuda"))
    assert [type(m) for m in net] == [nn.Conv2d, nn.Dropout]


@pytest.mark.parametrize(("amx", "taken"), [(True, "bf16"), (False, "fp32")])
def test_bf16_is_taken_where_the_processor_has_matrix_units_for_it(monkeypatch, amx, taken) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert pick_precision("auto", torch.device("cpu")) == taken
    assert pick_precision("bf16", torch.device("cpu")) == "bf16"
