"""Remake tests/golden: vectors that PyTorch's transformers computes, which the tests hold Keras and the float64 reference against.

Runs in two environments: the project's chooses the texts, .venv-bench's (`golden.py --peer TEXTS CHECKPOINT`) computes and writes.
"""
import json, subprocess, sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT/'tests'/'golden'
TEXTS, SEED = 100, 0


def hidden_states(model, ids, mask):
    "float32 (B, T, D); the position of a token counts from the first real one, whatever side the padding is on."
    import torch
    positions = np.maximum(np.cumsum(mask, 1) - 1, 0)
    with torch.no_grad(): out = model.eval()(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), position_ids=torch.tensor(positions))
    return out.last_hidden_state.numpy()


def default_checkpoint(texts, folder):
    "Token mean and [CLS] vector of each text."
    from safetensors.numpy import save_file
    from transformers import AutoModel, AutoTokenizer
    lines = AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors='np')
    ids, mask = lines['input_ids'], lines['attention_mask']
    hidden = hidden_states(AutoModel.from_pretrained(folder), ids, mask)
    mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    save_file(dict(mean=mean.astype(np.float32), cls=np.ascontiguousarray(hidden[:, 0])), GOLDEN/'default.safetensors')


def small_model(name, config):
    "A small model whose weights, biases and scales are all drawn anew, in the published layout, with its hidden states for padding on either side."
    import torch
    from safetensors.numpy import save_file
    from transformers import AutoModel
    model, random = AutoModel.from_config(config), np.random.default_rng(SEED)
    for key, value in sorted(model.named_parameters()):
        scale = key.endswith('weight') and ('LayerNorm' in key or 'ln_' in key)
        value.data = torch.tensor(random.normal(float(scale), .2, value.shape), dtype=torch.float32)
    model.save_pretrained(GOLDEN/name)
    ids, mask = random.integers(1, config.vocab_size, (6, 12)), np.ones((6, 12), int)
    for row, (start, stop) in enumerate([(0, 12), (0, 7), (5, 12), (0, 1), (11, 12), (3, 12)]): mask[row] = (start <= np.arange(12)) & (np.arange(12) < stop)
    save_file(dict(ids=ids, mask=mask, hidden=hidden_states(model, ids, mask)), GOLDEN/f'{name}.safetensors')


def peer(texts, folder):
    from transformers import BertConfig, GPT2Config
    default_checkpoint(json.loads(Path(texts).read_text(encoding='utf-8')), folder)
    small_model('bert', BertConfig(vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_position_embeddings=16))
    small_model('gpt2', GPT2Config(vocab_size=40, n_embd=16, n_layer=3, n_head=2, n_inner=24, n_positions=16, bos_token_id=0, eos_token_id=0))


def main():
    import bench
    from seqrep_nb.backbone import find_checkpoint
    from seqrep_nb.core import write_json
    from seqrep_nb.journey import load_journey
    distinct = np.sort(load_journey().items.text.unique())
    GOLDEN.mkdir(exist_ok=True)
    write_json(GOLDEN/'default.json', list(distinct[np.linspace(0, len(distinct) - 1, TEXTS).astype(int)]))
    bench.set_up()
    subprocess.run([bench.PYTHON, __file__, '--peer', GOLDEN/'default.json', find_checkpoint()], check=True, env=bench.environment())


if __name__ == '__main__': peer(*sys.argv[2:]) if sys.argv[1:2] == ['--peer'] else main()
