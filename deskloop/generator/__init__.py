"""The GPT-style generator: base model, prompt, fine-tuning, export and the engines that run it."""
